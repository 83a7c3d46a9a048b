"""The scenarios in terms of the DB-API, for drivers whose placeholder is %s."""

import datetime
import decimal
import os
import socket
import threading
import time

from workers import WAIT_SECONDS

UTC = datetime.timezone.utc


class Scenarios:
    """A driver derives from this and says how it connects and what its errors are."""

    def connect(self):
        raise NotImplementedError

    def sqlstate(self, error):
        raise NotImplementedError

    error = Exception

    def abort(self, connection):
        """Breaks the connection's socket, as a process that dies does."""
        raise NotImplementedError

    # What the scenarios are made of.

    def open(self, worker, autocommit=False):
        connection = worker.opened(self.connect())
        connection.autocommit = autocommit
        return connection

    def rows(self, connection, query, *values):
        cursor = connection.cursor()
        cursor.execute(query, values or None) if values else cursor.execute(query)
        rows = [list(row) for row in cursor.fetchall()] if cursor.description else []
        cursor.close()
        return rows

    def one(self, connection, query, *values):
        return self.rows(connection, query, *values)[0][0]

    def failing(self, worker, connection, query, *values):
        try:
            worker.say("no error", self.rows(connection, query, *values))
        except self.error as error:
            worker.say("error", self.sqlstate(error))

    def table(self, worker, connection, columns="id serial PRIMARY KEY, v int UNIQUE, t text"):
        self.rows(connection, f"DROP TABLE IF EXISTS {worker.table}")
        self.rows(connection, f"CREATE TABLE {worker.table} ({columns})")

    # The scenarios.

    def types(self, worker):
        connection = self.open(worker)
        n = worker.number
        for turn in range(12):
            values = (
                turn - n, 2 ** 40 + n, turn / 7 + n, decimal.Decimal("12345678901234567890.12") + n,
                f"text {n} ü € 𝄞 ' \\ %", bytes(range(256)) + bytes([n]),
                datetime.datetime(2024, 2, 29, 12, 30, turn, 123456, tzinfo=UTC),
                datetime.date(2024, 1, 1 + n), [1, n, None], ["a", f"b{n}", None, "c,d"],
                '{"a": [1, null]}', n % 2 == 0, None)
            worker.say(*self.rows(
                connection, "SELECT %s::int4, %s::int8, %s::float8, %s::numeric, %s::text,"
                " %s::bytea, %s::timestamptz, %s::date, %s::int4[], %s::text[], %s::jsonb,"
                " %s::bool, %s::text", *values))
            if turn % 3 == 0:
                connection.commit()
        connection.rollback()

    def repeated(self, worker):
        connection = self.open(worker, autocommit=True)
        self.table(worker, connection, "id int PRIMARY KEY, t text")
        for number in range(30):
            self.rows(
                connection, f"INSERT INTO {worker.table} VALUES (%s, %s)", number, f"row {number}")
        for number in range(30):
            worker.say(self.rows(
                connection, f"SELECT id, t FROM {worker.table} WHERE id = %s", number))
            # The same text for all workers.
            worker.say(self.one(connection, "SELECT %s::int + 1", number + worker.number))
        connection.autocommit = False
        for number in range(30):
            worker.say(self.one(connection, "SELECT %s::int + 1", number))
            worker.say(self.one(
                connection, f"SELECT count(*) FROM {worker.table} WHERE id < %s", number))
            connection.commit() if number % 2 else connection.rollback()

    def transaction(self, worker):
        connection = self.open(worker)
        self.table(worker, connection)
        connection.commit()
        for turn in range(10):
            for number in range(5):
                self.rows(
                    connection, f"INSERT INTO {worker.table} (v, t) VALUES (%s, %s)",
                    turn * 10 + number, f"turn {turn}")
            worker.say(self.rows(connection, f"SELECT count(*), sum(v) FROM {worker.table}"))
            connection.commit() if turn % 2 else connection.rollback()
            worker.say(self.rows(connection, f"SELECT count(*), sum(v) FROM {worker.table}"))
            connection.rollback()

    def savepoint(self, worker):
        connection = self.open(worker)
        self.table(worker, connection)
        connection.commit()
        for turn in range(8):
            self.rows(connection, f"INSERT INTO {worker.table} (v) VALUES (%s)", turn)
            self.rows(connection, "SAVEPOINT one")
            self.failing(worker, connection, f"INSERT INTO {worker.table} (v) VALUES (%s)", turn)
            self.rows(connection, "ROLLBACK TO SAVEPOINT one")
            self.rows(connection, f"INSERT INTO {worker.table} (v) VALUES (%s)", 100 + turn)
            self.rows(connection, "RELEASE SAVEPOINT one")
            connection.commit()
            worker.say(self.rows(connection, f"SELECT v FROM {worker.table} ORDER BY v"))
            connection.commit()

    def errors(self, worker):
        connection = self.open(worker)
        self.table(worker, connection)
        connection.commit()
        for turn in range(8):
            self.rows(connection, f"INSERT INTO {worker.table} (v) VALUES (%s)", turn)
            self.failing(worker, connection, "SELECT 1 / %s::int", 0)
            self.failing(worker, connection, "SELECT %s::int", 1)
            connection.rollback()
            worker.say(self.one(connection, f"SELECT count(*) FROM {worker.table}"))
            connection.rollback()
        connection.autocommit = True
        for turn in range(8):
            self.failing(worker, connection, "SELECT nothing FROM nowhere")
            self.failing(worker, connection, "SELECT 1 / %s::int", 0)
            self.failing(worker, connection, "THIS IS NO SQL")
            self.failing(
                worker, connection, f"INSERT INTO {worker.table} (v) VALUES (%s)", turn // 2)
            worker.say(self.one(connection, "SELECT %s::int + 1", turn))

    def batch(self, worker):
        connection = self.open(worker)
        self.table(worker, connection)
        connection.commit()
        for turn in range(4):
            cursor = connection.cursor()
            cursor.executemany(
                f"INSERT INTO {worker.table} (v, t) VALUES (%s, %s)",
                [(turn * 100 + number, f"t{number}") for number in range(40)])
            worker.say(cursor.rowcount)
            connection.commit()
            try:
                cursor.executemany(
                    f"INSERT INTO {worker.table} (v) VALUES (%s)",
                    [(9_000 + number % 15,) for number in range(20)])
            except self.error as error:
                worker.say("error", self.sqlstate(error))
            connection.rollback()
            worker.say(self.rows(connection, f"SELECT count(*), sum(v) FROM {worker.table}"))
            connection.commit()

    def cursor(self, worker):
        """Cursors as SQL; a driver with named cursors does it with them."""
        connection = self.open(worker)
        for turn in range(4):
            self.rows(
                connection, "DECLARE mine CURSOR FOR SELECT g * %s::int FROM"
                " generate_series(1, 50) g", worker.number + 1)
            for size in (1, 7, 20, 30):
                worker.say(self.rows(connection, f"FETCH {size} FROM mine"))
            self.rows(connection, "CLOSE mine")
            connection.commit() if turn % 2 else connection.rollback()

    def settings(self, worker):
        connection = self.open(worker, autocommit=True)
        n = worker.number
        worker.say(self.one(connection, "SHOW statement_timeout"))
        self.rows(connection, f"SET search_path TO s{n}, public")
        self.rows(connection, f"SET statement_timeout TO '{30_000 + n}ms'")
        self.rows(connection, f"SET TIME ZONE 'Etc/GMT+{n}'")
        text = "SELECT to_char('2024-01-01 12:00:00+00'::timestamptz, 'HH24:MI')"
        for turn in range(20):
            worker.say(self.one(connection, "SELECT name FROM who"))
            worker.say(self.one(connection, "SHOW statement_timeout"))
            worker.say(self.one(connection, text))
        self.rows(connection, "RESET search_path")
        self.failing(worker, connection, "SELECT name FROM who")
        self.rows(connection, "RESET ALL")
        for turn in range(5):
            worker.say(self.one(connection, "SHOW statement_timeout"))
            worker.say(self.one(connection, text))
        connection.autocommit = False
        # A SET counts from then on only if its transaction is committed.
        for turn in range(6):
            self.rows(connection, f"SET statement_timeout TO '{31_000 + turn}ms'")
            connection.commit() if turn % 2 else connection.rollback()
            worker.say(self.one(connection, "SHOW statement_timeout"))
            connection.commit()
            self.rows(connection, "SET LOCAL statement_timeout TO '32s'")
            worker.say(self.one(connection, "SHOW statement_timeout"))
            connection.commit()

    def prepare(self, worker):
        connection = self.open(worker, autocommit=True)
        # All workers use the same name for different statements.
        self.rows(
            connection, f"PREPARE q (int) AS SELECT 'worker {worker.number}', $1 * 2")
        for turn in range(20):
            worker.say(self.rows(connection, f"EXECUTE q({turn})"))
        self.rows(connection, "DEALLOCATE q")
        self.failing(worker, connection, "EXECUTE q(1)")
        self.rows(connection, "PREPARE q AS SELECT 1")
        worker.say(self.rows(connection, "EXECUTE q"))
        self.rows(connection, "DEALLOCATE ALL")
        self.failing(worker, connection, "EXECUTE q")

    def alter(self, worker):
        connection = self.open(worker, autocommit=True)
        self.table(worker, connection, "v int")
        self.rows(connection, f"INSERT INTO {worker.table} VALUES (1)")
        for turn in range(4):
            for _ in range(12):
                worker.say(self.patiently(
                    connection, f"SELECT * FROM {worker.table} WHERE v = %s", 1))
            self.rows(connection, f"ALTER TABLE {worker.table} ADD COLUMN c{turn} int DEFAULT 5")

    def patiently(self, connection, query, *values):
        """What the application does about `cached plan must not change result type`."""
        for _ in range(5):
            try:
                return self.rows(connection, query, *values)
            except self.error as error:
                if self.sqlstate(error) != "0A000":
                    raise
        raise RuntimeError("the plan stays stale")

    def temporary(self, worker):
        connection = self.open(worker)
        self.rows(connection, "CREATE TEMPORARY TABLE mine (v int)")
        connection.commit()
        for turn in range(12):
            self.rows(connection, "INSERT INTO mine VALUES (%s)", worker.number * 100 + turn)
            connection.commit()
            worker.say(self.rows(connection, "SELECT count(*), sum(v) FROM mine"))
            connection.rollback()
        self.rows(connection, "DROP TABLE mine")
        connection.commit()
        self.failing(worker, connection, "SELECT count(*) FROM mine")
        connection.rollback()

    def advisory(self, worker):
        connection = self.open(worker, autocommit=True)
        key = 7_000 + worker.number
        for turn in range(6):
            self.rows(connection, "SELECT pg_advisory_lock(%s)", key)
            for _ in range(4):
                worker.say(self.one(
                    connection, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                    " AND objid = %s::bigint::oid AND pid = pg_backend_pid()", key))
            worker.say(self.one(connection, "SELECT pg_advisory_unlock(%s)", key))
        worker.say(self.one(
            connection, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            " AND objid = %s::bigint::oid", key))

    def notify(self, worker):
        connection = self.open(worker, autocommit=True)
        if worker.number == 0:
            self.rows(connection, f"LISTEN {worker.channel}")
            worker.say(self.one(connection, "SELECT 'listens'"))
            worker.shared["listening"].set()
            worker.say(self.notifications(connection, 3))
            self.rows(connection, f"UNLISTEN {worker.channel}")
            return
        if worker.number == 1:
            if not worker.shared["listening"].wait(WAIT_SECONDS):
                raise TimeoutError("nobody listens")
            for number in range(3):
                self.rows(
                    connection, "SELECT pg_notify(%s, %s)", worker.channel, f"message {number}")
        for number in range(30):
            worker.say(self.one(connection, "SELECT %s::int + 1", number))

    def notifications(self, connection, count):
        """The payloads of so many notifications; fewer after WAIT_SECONDS."""
        raise NotImplementedError

    def disconnect(self, worker):
        first = self.open(worker, autocommit=True)
        self.table(worker, first)
        self.rows(first, f"INSERT INTO {worker.table} (v, t) VALUES (1, 'old')")
        for turn in range(4):
            leaving = self.connect()
            leaving.autocommit = False
            self.rows(leaving, f"UPDATE {worker.table} SET t = %s WHERE v = 1", f"lost {turn}")
            self.rows(leaving, f"INSERT INTO {worker.table} (v) VALUES (%s)", 100 + turn)
            self.abort(leaving)
            # Waits for the row's lock until the transaction that was left is rolled back.
            self.rows(first, f"UPDATE {worker.table} SET t = t || %s WHERE v = 1", f" {turn}")
            worker.say(self.rows(first, f"SELECT v, t FROM {worker.table} ORDER BY v"))

    def cancel_one(self, worker, connection, cancel):
        """A long query that another thread cancels, and the query after it."""
        for turn in range(2):
            ended = threading.Event()
            thread = threading.Thread(target=cancel_until, args=(cancel, ended))
            thread.start()
            begin = time.monotonic()
            self.failing(worker, connection, "SELECT pg_sleep(20)")
            ended.set()
            thread.join()
            worker.say("in time" if time.monotonic() - begin < 15 else "too late")
            worker.say(self.one(connection, "SELECT %s::int + 1", turn))

    def scenarios(self):
        table = {
            name: getattr(self, name)
            for name in (
                "types", "repeated", "transaction", "savepoint", "batch", "cursor", "settings",
                "prepare", "alter", "temporary", "advisory", "notify", "disconnect")}
        table["error"] = self.errors
        for name in ("pipeline", "copy", "cancel", "pool"):
            if hasattr(self, name):
                table[name] = getattr(self, name)
        return table


def shut_down(descriptor):
    """Ends the connection of a descriptor without a word, and leaves the descriptor open."""
    with socket.socket(fileno=os.dup(descriptor)) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


def cancel_until(cancel, ended):
    """Cancels what runs, again if that came too early, until it has ended."""
    for seconds in (0.5, 3, 3):
        if ended.wait(seconds):
            return
        cancel()
