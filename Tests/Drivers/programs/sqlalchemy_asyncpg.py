"""SQLAlchemy with asyncpg, whose statements it prepares by name and keeps, as they come."""

import asyncio
import datetime
import decimal

import sqlalchemy
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from workers import run_tasks


class Engine:
    def __init__(self):
        self.engine = create_async_engine("postgresql+asyncpg://", connect_args={"ssl": False})

    async def close(self):
        await self.engine.dispose()


def engine_of(worker):
    return worker.opened(Engine()).engine


async def rows(connection, query, **values):
    result = await connection.execute(text(query), values)
    return [list(row) for row in result] if result.returns_rows else []


async def failing(worker, connection, query, **values):
    try:
        worker.say("no error", await rows(connection, query, **values))
    except sqlalchemy.exc.DBAPIError as error:
        worker.say("error", error.orig.sqlstate)


async def make_table(worker, engine, columns="id serial PRIMARY KEY, v int UNIQUE, t text"):
    async with engine.begin() as connection:
        await rows(connection, f"DROP TABLE IF EXISTS {worker.table}")
        await rows(connection, f"CREATE TABLE {worker.table} ({columns})")


async def types(worker):
    n = worker.number
    async with engine_of(worker).connect() as connection:
        for turn in range(12):
            worker.say(*await rows(
                connection, "SELECT CAST(:a AS int4), CAST(:b AS numeric), CAST(:c AS text),"
                " CAST(:d AS bytea), CAST(:e AS timestamptz), CAST(:f AS int4[]),"
                " CAST(:g AS jsonb), CAST(:h AS bool), CAST(:i AS text)",
                a=turn - n, b=decimal.Decimal("12345678901234567890.12") + n, c=f"text {n} ü 𝄞",
                d=bytes(range(256)),
                e=datetime.datetime(2024, 2, 29, 12, 30, turn, tzinfo=datetime.timezone.utc),
                f=[1, n, None], g='{"a": [1, null]}', h=n % 2 == 0, i=None))


async def repeated(worker):
    engine = engine_of(worker)
    await make_table(worker, engine, "id int PRIMARY KEY, t text")
    for number in range(30):
        async with engine.begin() as connection:
            await rows(
                connection, f"INSERT INTO {worker.table} VALUES (:id, :t)", id=number,
                t=f"row {number}")
    for number in range(30):
        async with engine.connect() as connection:
            worker.say(await rows(
                connection, f"SELECT id, t FROM {worker.table} WHERE id = :id", id=number))
            worker.say(await rows(
                connection, "SELECT CAST(:n AS int) + 1", n=number + worker.number))


async def transaction(worker):
    engine = engine_of(worker)
    await make_table(worker, engine)
    async with engine.connect() as connection:
        for turn in range(10):
            for number in range(5):
                await rows(
                    connection, f"INSERT INTO {worker.table} (v) VALUES (:v)", v=turn * 10 + number)
            await (connection.commit() if turn % 2 else connection.rollback())
            worker.say(await rows(connection, f"SELECT count(*), sum(v) FROM {worker.table}"))
            await connection.rollback()


async def savepoint(worker):
    engine = engine_of(worker)
    await make_table(worker, engine)
    insert = f"INSERT INTO {worker.table} (v) VALUES (:v)"
    async with engine.connect() as connection:
        for turn in range(8):
            async with connection.begin():
                await rows(connection, insert, v=turn)
                try:
                    async with connection.begin_nested():
                        await rows(connection, insert, v=turn)
                except sqlalchemy.exc.IntegrityError as error:
                    worker.say("error", error.orig.sqlstate)
                async with connection.begin_nested():
                    await rows(connection, insert, v=100 + turn)
            worker.say(await rows(connection, f"SELECT v FROM {worker.table} ORDER BY v"))
            await connection.rollback()


async def errors(worker):
    engine = engine_of(worker)
    await make_table(worker, engine)
    async with engine.connect() as connection:
        for turn in range(8):
            await rows(connection, f"INSERT INTO {worker.table} (v) VALUES (:v)", v=turn)
            await failing(worker, connection, "SELECT 1 / CAST(:v AS int)", v=0)
            await failing(worker, connection, "SELECT CAST(:v AS int)", v=1)
            await connection.rollback()
            worker.say(await rows(connection, f"SELECT count(*) FROM {worker.table}"))
            await failing(worker, connection, "SELECT nothing FROM nowhere")
            await connection.rollback()


async def batch(worker):
    engine = engine_of(worker)
    await make_table(worker, engine)
    async with engine.connect() as connection:
        for turn in range(4):
            await connection.execute(
                text(f"INSERT INTO {worker.table} (v, t) VALUES (:v, :t)"),
                [{"v": turn * 100 + number, "t": f"t{number}"} for number in range(40)])
            await connection.commit()
            worker.say(await rows(connection, f"SELECT count(*), sum(v) FROM {worker.table}"))
            await connection.rollback()


async def cursor(worker):
    async with engine_of(worker).connect() as connection:
        for turn in range(4):
            result = await connection.stream(
                text("SELECT g * CAST(:n AS int) FROM generate_series(1, 200) g"),
                {"n": worker.number + 1})
            worker.say([row[0] async for row in result])
            await (connection.commit() if turn % 2 else connection.rollback())


async def settings(worker):
    engine = engine_of(worker).execution_options(isolation_level="AUTOCOMMIT")
    n = worker.number
    async with engine.connect() as connection:
        await rows(connection, f"SET search_path TO s{n}, public")
        await rows(connection, f"SET statement_timeout TO '{30_000 + n}ms'")
        for _ in range(20):
            worker.say(await rows(connection, "SELECT name FROM who"))
            worker.say(await rows(connection, "SHOW statement_timeout"))
        await rows(connection, "RESET ALL")
        worker.say(await rows(connection, "SHOW statement_timeout"))


async def alter(worker):
    engine = engine_of(worker)
    await make_table(worker, engine, "v int")
    async with engine.begin() as connection:
        await rows(connection, f"INSERT INTO {worker.table} VALUES (1)")
    async with engine.connect() as connection:
        for turn in range(4):
            for _ in range(12):
                worker.say(await patiently(
                    connection, f"SELECT * FROM {worker.table} WHERE v = :v", v=1))
            await rows(connection, f"ALTER TABLE {worker.table} ADD COLUMN c{turn} int DEFAULT 5")
            await connection.commit()


async def patiently(connection, query, **values):
    """The dialect drops its statements when one is stale; the application tries again."""
    for _ in range(5):
        try:
            found = await rows(connection, query, **values)
            await connection.rollback()
            return found
        except sqlalchemy.exc.NotSupportedError:
            await connection.rollback()
    raise RuntimeError("the plan stays stale")


async def pool(worker):
    engine = engine_of(worker)
    await make_table(worker, engine)
    insert = f"INSERT INTO {worker.table} (v) VALUES (:v)"

    async def one(value):
        async with engine.begin() as connection:
            await rows(connection, insert, v=value)

    for turn in range(6):
        await asyncio.gather(*(one(turn * 10 + number) for number in range(4)))
        # Given back within a transaction: the pool rolls it back.
        async with engine.connect() as connection:
            await rows(connection, insert, v=1_000 + turn)
        async with engine.connect() as connection:
            worker.say(await rows(connection, f"SELECT v FROM {worker.table} ORDER BY v"))


if __name__ == "__main__":
    run_tasks(sqlalchemy.__version__, {
        "types": types, "repeated": repeated, "transaction": transaction, "savepoint": savepoint,
        "error": errors, "batch": batch, "cursor": cursor, "settings": settings, "alter": alter,
        "pool": pool})
