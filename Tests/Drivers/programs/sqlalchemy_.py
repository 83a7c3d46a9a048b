"""SQLAlchemy with psycopg 3 and its own pool, as they come."""

import decimal

import sqlalchemy
from dbapi import Scenarios, shut_down
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, insert, select
from sqlalchemy import update
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from workers import run_threads

URL = "postgresql+psycopg://"


class Connection:
    """A connection from a pool, with the methods that the DB-API's scenarios use."""

    def __init__(self):
        self.engine = create_engine(URL, pool_size=2, max_overflow=0)
        self.connection = self.engine.connect()

    @property
    def autocommit(self):
        return self.connection.get_isolation_level() == "AUTOCOMMIT"

    @autocommit.setter
    def autocommit(self, on):
        # Given back and taken again, as the level holds for as long as a connection is lent.
        self.connection.close()
        self.connection = self.engine.connect()
        if on:
            self.connection = self.connection.execution_options(isolation_level="AUTOCOMMIT")

    def commit(self):
        self.connection.commit()

    def rollback(self):
        self.connection.rollback()

    def close(self):
        self.connection.close()
        self.engine.dispose()


class SQLAlchemy(Scenarios):
    error = sqlalchemy.exc.DBAPIError

    def connect(self):
        return Connection()

    def sqlstate(self, error):
        return error.orig.sqlstate

    def abort(self, connection):
        driver = connection.connection.connection.driver_connection
        shut_down(driver.fileno())
        driver.close()
        connection.connection.invalidate()
        connection.close()

    def rows(self, connection, query, *values):
        result = connection.connection.exec_driver_sql(query, values or None)
        return [list(row) for row in result] if result.returns_rows else []

    def repeated(self, worker):
        super().repeated(worker)
        base = type("Base", (DeclarativeBase,), {})
        row_type = type("Row", (base,), {
            "__tablename__": f"{worker.table}_orm",
            "id": mapped_column(Integer, primary_key=True), "name": mapped_column(String)})
        engine = worker.opened(Engine()).engine
        base.metadata.drop_all(engine)
        base.metadata.create_all(engine)
        with Session(engine) as session:
            for number in range(30):
                session.add(row_type(id=number, name=f"row {number}"))
                if number % 3 == 0:
                    session.commit()
            session.commit()
            for number in range(30):
                row = session.scalars(select(row_type).where(row_type.id == number)).one()
                row.name += "!"
                session.commit() if number % 2 else session.rollback()
            found = session.scalars(select(row_type).order_by(row_type.id))
            worker.say([row.name for row in found])

    def savepoint(self, worker):
        super().savepoint(worker)
        connection = self.open(worker).connection
        table = self.core_table(worker)
        for turn in range(8):
            with connection.begin():
                try:
                    with connection.begin_nested():
                        connection.execute(insert(table).values(v=turn))
                except sqlalchemy.exc.IntegrityError as error:
                    worker.say("error", self.sqlstate(error))
                with connection.begin_nested():
                    connection.execute(insert(table).values(v=200 + turn))
            worker.say(connection.execute(select(table.c.v).order_by(table.c.v)).scalars().all())
            connection.rollback()

    def core_table(self, worker):
        return Table(
            worker.table, MetaData(), Column("id", Integer, primary_key=True), Column("v", Integer),
            Column("t", String))

    def batch(self, worker):
        connection = self.open(worker)
        self.table(worker, connection)
        connection.commit()
        table = self.core_table(worker)
        core = connection.connection
        for turn in range(4):
            rows = [{"v": turn * 100 + number, "t": f"t{number}"} for number in range(40)]
            core.execute(insert(table), rows)
            worker.say(core.execute(
                insert(table).returning(table.c.v, sort_by_parameter_order=True),
                [{"v": 5_000 + turn * 10 + number} for number in range(5)]).scalars().all())
            core.commit()
            try:
                core.execute(insert(table), [{"v": 9_000 + number % 15} for number in range(20)])
            except sqlalchemy.exc.IntegrityError as error:
                worker.say("error", self.sqlstate(error))
            core.rollback()
            core.execute(update(table).where(table.c.v > 5_000).values(t=str(turn)))
            core.commit()
            worker.say(self.rows(connection, f"SELECT count(*), sum(v) FROM {worker.table}"))
            core.commit()

    def cursor(self, worker):
        connection = self.open(worker)
        text = sqlalchemy.text("SELECT g * :n FROM generate_series(1, 50) g")
        for turn in range(4):
            result = connection.connection.execution_options(yield_per=7).execute(
                text, {"n": decimal.Decimal(worker.number + 1)})
            worker.say([int(row[0]) for row in result])
            connection.commit() if turn % 2 else connection.rollback()

    def pool(self, worker):
        engine = worker.opened(Engine()).engine
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {worker.table}")
            connection.exec_driver_sql(f"CREATE TABLE {worker.table} (v int UNIQUE)")
        query = f"INSERT INTO {worker.table} (v) VALUES (%s)"
        for turn in range(10):
            with engine.begin() as connection:
                connection.exec_driver_sql(query, (turn,))
            # Given back within a transaction: the pool rolls it back.
            with engine.connect() as connection:
                connection.exec_driver_sql(query, (100 + turn,))
            try:
                with engine.begin() as connection:
                    connection.exec_driver_sql(query, (200 + turn,))
                    connection.exec_driver_sql(query, (turn,))
            except sqlalchemy.exc.IntegrityError as error:
                worker.say("error", self.sqlstate(error))
            with engine.connect() as connection:
                worker.say(connection.exec_driver_sql(
                    f"SELECT v FROM {worker.table} ORDER BY v").scalars().all())


class Engine:
    """An engine with the default pool that is ended with the scenario; it asks before each use."""

    def __init__(self):
        self.engine = create_engine(URL, pool_pre_ping=True)

    def close(self):
        self.engine.dispose()


if __name__ == "__main__":
    run_threads(sqlalchemy.__version__, SQLAlchemy().scenarios())
