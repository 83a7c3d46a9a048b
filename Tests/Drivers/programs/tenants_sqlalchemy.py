"""SQLAlchemy's ORM with tenants: its pool is shared by threads that work for different ones."""

import threading

import sqlalchemy
import tenants
from sqlalchemy import create_engine, event, func, select, text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from tenants import current
from workers import run_threads


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"
    __table_args__ = {"schema": "tenants"}
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(server_default=text("current_setting('app.tenant_id')"))
    own: Mapped[str]
    run: Mapped[str]
    worker: Mapped[int]
    turn: Mapped[int]
    touched: Mapped[int] = mapped_column(server_default="0")


# MARK: how the tenant is named


def name_by_set(engine, _):
    @event.listens_for(engine, "checkout")
    def name(connection, record, proxy):
        if current.get():
            run(connection, f"SET app.tenant_id = '{current.get()}'")

    @event.listens_for(engine, "checkin")
    def forget(connection, record):
        if connection:
            run(connection, "RESET app.tenant_id")


def name_by_set_config(engine, mark):
    @event.listens_for(engine, "checkout")
    def name(connection, record, proxy):
        # It stays in the transaction, which the pool or the unit of work ends.
        cursor = connection.cursor()
        cursor.execute(f"SELECT set_config('app.tenant_id', {mark}, false)", (current.get(),))
        cursor.close()


def name_by_set_local(engine, _):
    @event.listens_for(engine, "begin")
    def name(connection):
        connection.exec_driver_sql(f"SET LOCAL app.tenant_id = '{current.get()}'")


def name_by_local_set_config(engine, _):
    @event.listens_for(engine, "begin")
    def name(connection):
        connection.execute(
            text("SELECT set_config('app.tenant_id', :tenant, true)"), {"tenant": current.get()})


def name_by_bound_set_config(engine, _):
    @event.listens_for(engine, "begin")
    def name(connection):
        connection.execute(select(func.set_config("app.tenant_id", current.get(), True)))
        # This one is the application's own: it follows from server to server.
        own = f"of {threading.get_ident()}"
        connection.execute(select(func.set_config("app.user_id", own, False)))
        found = connection.scalar(select(func.current_setting("app.user_id")))
        if found != own:
            raise tenants.ForeignRow(f"the setting is {found} and not {own}")


def run(connection, query):
    cursor = connection.cursor()
    cursor.execute(query)
    cursor.close()
    connection.commit()


NAMINGS = {
    "set": name_by_set, "set_config": name_by_set_config, "autocommit": name_by_set,
    "SET LOCAL": name_by_set_local, "local set_config": name_by_local_set_config,
    "bound set_config": name_by_bound_set_config,
}


def options(scenario):
    level = {"isolation_level": "AUTOCOMMIT"} if scenario == "autocommit" else {}
    return {"pool_size": tenants.POOL_SIZE, "max_overflow": 0, **level}


# MARK: units of work


def work(session, unit, say):
    note = Note(**unit.row())
    session.add(note)
    session.flush()
    unit.check([(note.tenant_id, note.own)])
    unit.check(session.execute(select(Note.tenant_id, Note.own)))
    mine = (Note.run == unit.run) & (Note.worker == unit.worker)
    touched = session.execute(
        update(Note).where(mine).values(touched=Note.touched + 1).returning(
            Note.tenant_id, Note.own), execution_options={"synchronize_session": False}).all()
    unit.check(touched)
    say(unit.turn, unit.tenant, unit.fate, len(touched),
        session.scalar(select(func.count()).select_from(Note).where(mine)))
    try:
        if unit.fate == "error":
            session.add(Note(**unit.row()))
        if unit.fate == "foreign":
            session.add(Note(**unit.row(own=unit.other, tenant_id=unit.other)))
        session.flush()
    except sqlalchemy.exc.DBAPIError as error:
        say("error", sqlstate(error))
    session.rollback() if unit.fate != "commit" else session.commit()


def sqlstate(error):
    return getattr(error.orig, "sqlstate", None) or error.orig.pgcode


def expect_refusal(session, say):
    """Of the tenant that the login may not act for."""
    try:
        session.execute(select(Note.id)).all()
        raise tenants.ForeignRow("nobody refused the tenant")
    except sqlalchemy.exc.DBAPIError as error:
        say("refused", sqlstate(error))
        if sqlstate(error) != "42501":
            raise


# MARK: threads

_engines = {}
_lock = threading.Lock()


def engine_of(scenario):
    """The engine that all threads share."""
    with _lock:
        if scenario not in _engines:
            engine = create_engine(f"postgresql+{tenants.BACKEND}://", **options(scenario))
            NAMINGS[scenario](engine, "%s")
            _engines[scenario] = engine
        return _engines[scenario]


def mixed(worker):
    engine = engine_of(worker.scenario)
    for unit in tenants.units(worker):
        current.set(unit.tenant)
        with Session(engine) as session:
            work(session, unit, worker.say)
    if worker.scenario == "set":
        # The connection has been another tenant's, and now is nobody's.
        current.set(None)
        with Session(engine) as session:
            worker.say("nobody", session.scalar(select(func.count()).select_from(Note)))
    current.set(tenants.TENANTS[0])
    with Session(engine) as session:
        tenants.audit(worker, session.execute(audit_of(worker)))


def audit_of(worker):
    return text(tenants.audit_query(worker.scenario, worker.number))


def refused(worker):
    for scenario in NAMINGS:
        engine = engine_of(scenario)
        for tenant in tenants.TENANTS:
            current.set(tenants.REFUSED)
            with Session(engine) as session:
                expect_refusal(session, worker.say)
            current.set(tenant)
            unit = tenants.Unit(scenario, worker.number, tenant=tenant)
            with Session(engine) as session:
                unit.check(session.execute(select(Note.tenant_id, Note.own)))


if __name__ == "__main__":
    run_threads(sqlalchemy.__version__, {**dict.fromkeys(NAMINGS, mixed), "refused": refused})
