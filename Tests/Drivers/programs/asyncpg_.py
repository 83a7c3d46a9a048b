"""asyncpg as it comes: each statement that is run is prepared by name, and kept in a cache."""

import asyncio
import datetime
import decimal
import io

import asyncpg
from workers import WAIT_SECONDS, run_tasks

UTC = datetime.timezone.utc


async def open_connection(worker):
    return worker.opened(await asyncpg.connect(ssl=False))


async def rows(connection, query, *values):
    return [list(row.values()) for row in await connection.fetch(query, *values)]


async def failing(worker, connection, query, *values):
    try:
        worker.say("no error", await rows(connection, query, *values))
    except asyncpg.PostgresError as error:
        worker.say("error", error.sqlstate)


async def make_table(worker, connection, columns="id serial PRIMARY KEY, v int UNIQUE, t text"):
    await connection.execute(f"DROP TABLE IF EXISTS {worker.table}")
    await connection.execute(f"CREATE TABLE {worker.table} ({columns})")


async def types(worker):
    connection = await open_connection(worker)
    n = worker.number
    for turn in range(12):
        worker.say(*await rows(
            connection, "SELECT $1::int4, $2::int8, $3::float8, $4::numeric, $5::text,"
            " $6::bytea, $7::timestamptz, $8::date, $9::int4[], $10::text[], $11::jsonb,"
            " $12::bool, $13::text",
            turn - n, 2 ** 40 + n, turn / 7 + n, decimal.Decimal("12345678901234567890.12") + n,
            f"text {n} ü € 𝄞 ' \\", bytes(range(256)) + bytes([n]),
            datetime.datetime(2024, 2, 29, 12, 30, turn, 123456, tzinfo=UTC),
            datetime.date(2024, 1, 1 + n), [1, n, None], ["a", f"b{n}", None, "c,d"],
            '{"a": [1, null]}', n % 2 == 0, None))
    # A type of one's own makes asyncpg look into the catalogue, with a statement that it prepares.
    name = f"{worker.table}_mood"
    await connection.execute(f"DROP TYPE IF EXISTS {name}")
    await connection.execute(f"CREATE TYPE {name} AS ENUM ('sad', 'glad')")
    for _ in range(5):
        worker.say(*await rows(
            connection, f"SELECT $1::{name}, $2::{name}[]", "glad", ["sad", "glad"]))


async def repeated(worker):
    connection = await open_connection(worker)
    await make_table(worker, connection, "id int PRIMARY KEY, t text")
    for number in range(30):
        await connection.execute(
            f"INSERT INTO {worker.table} VALUES ($1, $2)", number, f"row {number}")
    for number in range(30):
        worker.say(await rows(
            connection, f"SELECT id, t FROM {worker.table} WHERE id = $1", number))
        worker.say(await connection.fetchval("SELECT $1::int + 1", number + worker.number))
    statement = await connection.prepare("SELECT $1::int * $2::int")
    for number in range(30):
        worker.say(await statement.fetchval(number, worker.number))
    # More statements than its cache has places for: old ones are closed.
    for number in range(150):
        worker.say(await connection.fetchval(f"SELECT $1::int + {number}", worker.number))
    for number in range(30):
        async with connection.transaction():
            worker.say(await connection.fetchval("SELECT $1::int + 1", number))
            worker.say(await connection.fetchval(
                f"SELECT count(*) FROM {worker.table} WHERE id < $1", number))


async def transaction(worker):
    connection = await open_connection(worker)
    await make_table(worker, connection)
    for turn in range(10):
        begun = connection.transaction()
        await begun.start()
        for number in range(5):
            await connection.execute(
                f"INSERT INTO {worker.table} (v, t) VALUES ($1, $2)", turn * 10 + number, f"{turn}")
        worker.say(await rows(connection, f"SELECT count(*), sum(v) FROM {worker.table}"))
        await (begun.commit() if turn % 2 else begun.rollback())
        worker.say(await rows(connection, f"SELECT count(*), sum(v) FROM {worker.table}"))


async def savepoint(worker):
    connection = await open_connection(worker)
    await make_table(worker, connection)
    insert = f"INSERT INTO {worker.table} (v) VALUES ($1)"
    for turn in range(8):
        async with connection.transaction():
            await connection.execute(insert, turn)
            try:
                async with connection.transaction():
                    await connection.execute(insert, turn)
            except asyncpg.UniqueViolationError as error:
                worker.say("error", error.sqlstate)
            async with connection.transaction():
                await connection.execute(insert, 100 + turn)
        worker.say(await rows(connection, f"SELECT v FROM {worker.table} ORDER BY v"))


async def errors(worker):
    connection = await open_connection(worker)
    await make_table(worker, connection)
    for turn in range(8):
        begun = connection.transaction()
        await begun.start()
        await connection.execute(f"INSERT INTO {worker.table} (v) VALUES ($1)", turn)
        await failing(worker, connection, "SELECT 1 / $1::int", 0)
        await failing(worker, connection, "SELECT $1::int", 1)
        await begun.rollback()
        worker.say(await connection.fetchval(f"SELECT count(*) FROM {worker.table}"))
    for turn in range(8):
        await failing(worker, connection, "SELECT nothing FROM nowhere")
        await failing(worker, connection, "SELECT 1 / $1::int", 0)
        await failing(worker, connection, "THIS IS NO SQL")
        await failing(
            worker, connection, f"INSERT INTO {worker.table} (v) VALUES ($1) RETURNING v",
            turn // 2)
        worker.say(await connection.fetchval("SELECT $1::int + 1", turn))


async def batch(worker):
    connection = await open_connection(worker)
    await make_table(worker, connection)
    for turn in range(4):
        await connection.executemany(
            f"INSERT INTO {worker.table} (v, t) VALUES ($1, $2)",
            [(turn * 100 + number, f"t{number}") for number in range(40)])
        # It is one transaction, so nothing of this stays.
        try:
            await connection.executemany(
                f"INSERT INTO {worker.table} (v) VALUES ($1)",
                [(9_000 + number % 15,) for number in range(20)])
        except asyncpg.PostgresError as error:
            worker.say("error", error.sqlstate)
        worker.say(await rows(connection, f"SELECT count(*), sum(v) FROM {worker.table}"))


async def copy(worker):
    connection = await open_connection(worker)
    await make_table(worker, connection)
    for turn in range(4):
        worker.say(await connection.copy_records_to_table(
            worker.table, columns=("v", "t"),
            records=[(turn * 1_000 + number, f"row {number}") for number in range(200)]))
        out = io.BytesIO()
        worker.say(await connection.copy_from_query(
            f"SELECT v, t FROM {worker.table} ORDER BY v", output=out))
        worker.say(len(out.getvalue()), out.getvalue()[-30:])
        try:
            await connection.copy_to_table(
                worker.table, columns=("v",), source=io.BytesIO(b"not a number\n"))
        except asyncpg.PostgresError as error:
            worker.say("error", error.sqlstate)
        worker.say(await connection.fetchval(f"SELECT count(*) FROM {worker.table}"))


async def cursor(worker):
    connection = await open_connection(worker)
    query = "SELECT g * $1::int FROM generate_series(1, 50) g"
    for _ in range(4):
        async with connection.transaction():
            found = [row[0] async for row in connection.cursor(query, worker.number, prefetch=7)]
            worker.say(found)
            begun = await connection.cursor(query, worker.number + 1)
            await begun.forward(3)
            worker.say(await begun.fetchrow(), [row[0] for row in await begun.fetch(20)])


async def settings(worker):
    connection = await open_connection(worker)
    n = worker.number
    worker.say(await connection.fetchval("SHOW statement_timeout"))
    await connection.execute(f"SET search_path TO s{n}, public")
    await connection.execute(f"SET statement_timeout TO '{30_000 + n}ms'")
    await connection.execute(f"SET TIME ZONE 'Etc/GMT+{n}'")
    text = "SELECT to_char('2024-01-01 12:00:00+00'::timestamptz, 'HH24:MI')"
    for _ in range(20):
        worker.say(await connection.fetchval("SELECT name FROM who"))
        worker.say(await connection.fetchval("SHOW statement_timeout"))
        worker.say(await connection.fetchval(text))
    await connection.execute("RESET search_path")
    await failing(worker, connection, "SELECT name FROM who LIMIT 1")
    await connection.execute("RESET ALL")
    for _ in range(5):
        worker.say(await connection.fetchval("SHOW statement_timeout"))
        worker.say(await connection.fetchval(text))
    for turn in range(6):
        begun = connection.transaction()
        await begun.start()
        await connection.execute(f"SET statement_timeout TO '{31_000 + turn}ms'")
        await (begun.commit() if turn % 2 else begun.rollback())
        worker.say(await connection.fetchval("SHOW statement_timeout"))
        async with connection.transaction():
            await connection.execute("SET LOCAL statement_timeout TO '32s'")
            worker.say(await connection.fetchval("SHOW statement_timeout"))


async def prepare(worker):
    connection = await open_connection(worker)
    await connection.execute(
        f"PREPARE q (int) AS SELECT 'worker {worker.number}', $1 * 2")
    for turn in range(20):
        worker.say(await rows(connection, f"EXECUTE q({turn})"))
    await connection.execute("DEALLOCATE q")
    await failing(worker, connection, "EXECUTE q(100)")
    await connection.execute("PREPARE q AS SELECT 1")
    worker.say(await rows(connection, "EXECUTE q"))
    await connection.execute("DEALLOCATE q")
    await failing(worker, connection, "EXECUTE  q")


async def alter(worker):
    """Outside of a transaction asyncpg prepares a stale statement again, on its own."""
    connection = await open_connection(worker)
    await make_table(worker, connection, "v int")
    await connection.execute(f"INSERT INTO {worker.table} VALUES (1)")
    for turn in range(4):
        for _ in range(12):
            worker.say(await patiently(
                connection, f"SELECT * FROM {worker.table} WHERE v = $1", 1))
        await connection.execute(f"ALTER TABLE {worker.table} ADD COLUMN c{turn} int DEFAULT 5")


async def patiently(connection, query, *values):
    for _ in range(5):
        try:
            return await rows(connection, query, *values)
        except asyncpg.InvalidCachedStatementError:
            continue
    raise RuntimeError("the plan stays stale")


async def temporary(worker):
    connection = await open_connection(worker)
    await connection.execute("CREATE TEMPORARY TABLE mine (v int)")
    for turn in range(12):
        async with connection.transaction():
            await connection.execute("INSERT INTO mine VALUES ($1)", worker.number * 100 + turn)
        worker.say(await rows(connection, "SELECT count(*), sum(v) FROM mine"))
    await connection.execute("DROP TABLE mine")
    await failing(worker, connection, "SELECT count(*) FROM mine WHERE true")


async def advisory(worker):
    connection = await open_connection(worker)
    key = 8_000 + worker.number
    held = ("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            " AND objid = $1::bigint::oid AND pid = pg_backend_pid()")
    for _ in range(6):
        await connection.execute("SELECT pg_advisory_lock($1)", key)
        for _ in range(4):
            worker.say(await connection.fetchval(held, key))
        worker.say(await connection.fetchval("SELECT pg_advisory_unlock($1)", key))
    worker.say(await connection.fetchval(held.replace(" AND pid = pg_backend_pid()", ""), key))


async def notify(worker):
    connection = await open_connection(worker)
    if worker.number == 0:
        received = asyncio.Queue()
        await connection.add_listener(
            worker.channel, lambda _, __, ___, payload: received.put_nowait(payload))
        worker.shared["listening"].set()
        for _ in range(3):
            worker.say(await asyncio.wait_for(received.get(), WAIT_SECONDS))
        await connection.reset()
        return
    if worker.number == 1:
        await asyncio.wait_for(worker.shared["listening"].wait(), WAIT_SECONDS)
        for number in range(3):
            await connection.execute(
                "SELECT pg_notify($1, $2)", worker.channel, f"message {number}")
    for number in range(30):
        worker.say(await connection.fetchval("SELECT $1::int + 1", number))


async def cancel(worker):
    connection = await open_connection(worker)
    for turn in range(2):
        # It sends a cancel request when the time is up, and waits for its answer.
        try:
            await connection.fetchval("SELECT pg_sleep($1)", 20, timeout=0.7)
            worker.say("no error")
        except TimeoutError:
            worker.say("timeout")
        worker.say(await connection.fetchval("SELECT $1::int + 1", turn))
        task = asyncio.create_task(connection.fetchval("SELECT pg_sleep($1)", 20))
        await asyncio.sleep(0.5)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            worker.say("cancelled")
        worker.say(await connection.fetchval("SELECT $1::int + 1", turn))


async def pool(worker):
    async with asyncpg.create_pool(min_size=1, max_size=3, ssl=False) as made:
        async with made.acquire() as connection:
            await make_table(worker, connection)
        for turn in range(10):
            async with made.acquire() as first, made.acquire() as second:
                await first.execute(f"INSERT INTO {worker.table} (v) VALUES ($1)", turn)
                worker.say(await second.fetchval(f"SELECT count(*) FROM {worker.table}"))
                # What a connection is given back with, its reset query takes away.
                await first.execute(f"SET search_path TO s{worker.number}")
                worker.say(await first.fetchval("SELECT name FROM who"))
            async with made.acquire() as connection:
                worker.say(await connection.fetchval("SHOW search_path"))
                await connection.execute("BEGIN")
                await connection.execute(f"INSERT INTO {worker.table} (v) VALUES ($1)", 100 + turn)
        worker.say(await made.fetch(f"SELECT v FROM {worker.table} ORDER BY v"))


async def disconnect(worker):
    first = await open_connection(worker)
    await make_table(worker, first)
    await first.execute(f"INSERT INTO {worker.table} (v, t) VALUES (1, 'old')")
    for turn in range(4):
        leaving = await asyncpg.connect(ssl=False)
        await leaving.execute("BEGIN")
        await leaving.execute(f"UPDATE {worker.table} SET t = $1 WHERE v = 1", f"lost {turn}")
        leaving.terminate()
        # Waits for the row's lock until the transaction that was left is rolled back.
        await first.execute(f"UPDATE {worker.table} SET t = t || $1 WHERE v = 1", f" {turn}")
        worker.say(await rows(first, f"SELECT v, t FROM {worker.table} ORDER BY v"))


if __name__ == "__main__":
    run_tasks(asyncpg.__version__, {
        "types": types, "repeated": repeated, "transaction": transaction, "savepoint": savepoint,
        "error": errors, "batch": batch, "copy": copy, "cursor": cursor, "settings": settings,
        "prepare": prepare, "alter": alter, "temporary": temporary, "advisory": advisory,
        "notify": notify, "cancel": cancel, "pool": pool, "disconnect": disconnect})
