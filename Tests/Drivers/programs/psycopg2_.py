"""psycopg2, which sends everything in the simple protocol."""

import io
import select
import time

import psycopg2
import psycopg2.extras
import psycopg2.pool
from dbapi import Scenarios, shut_down
from workers import WAIT_SECONDS, run_threads


class Psycopg2(Scenarios):
    error = psycopg2.Error

    def connect(self):
        return psycopg2.connect("")

    def sqlstate(self, error):
        return error.pgcode or type(error).__name__

    def abort(self, connection):
        shut_down(connection.fileno())
        connection.close()

    def rows(self, connection, query, *values):
        rows = super().rows(connection, query, *values)
        return [[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in rows]

    def notifications(self, connection, count):
        deadline = time.monotonic() + WAIT_SECONDS
        while len(connection.notifies) < count and time.monotonic() < deadline:
            select.select([connection], [], [], 0.2)
            connection.poll()
        return [notify.payload for notify in connection.notifies]

    def batch(self, worker):
        super().batch(worker)
        connection = self.open(worker)
        cursor = connection.cursor()
        values = [(2_000 + number, "v") for number in range(100)]
        psycopg2.extras.execute_values(
            cursor, f"INSERT INTO {worker.table} (v, t) VALUES %s", values, page_size=30)
        psycopg2.extras.execute_batch(
            cursor, f"UPDATE {worker.table} SET t = %s WHERE v = %s",
            [(f"w{value}", value) for value, _ in values], page_size=30)
        connection.commit()
        worker.say(self.rows(connection, f"SELECT v, t FROM {worker.table} ORDER BY v"))

    def copy(self, worker):
        connection = self.open(worker)
        self.table(worker, connection)
        connection.commit()
        for turn in range(4):
            cursor = connection.cursor()
            text = "".join(f"{turn * 1_000 + number}\trow {number}\n" for number in range(200))
            cursor.copy_from(io.StringIO(text), worker.table, columns=("v", "t"))
            out = io.StringIO()
            cursor.copy_expert(f"COPY (SELECT v, t FROM {worker.table} ORDER BY v) TO STDOUT", out)
            worker.say(len(out.getvalue()), out.getvalue()[-30:])
            connection.commit()
            try:
                cursor.copy_from(io.StringIO("not a number\n"), worker.table, columns=("v",))
            except psycopg2.Error as error:
                worker.say("error", self.sqlstate(error))
            connection.rollback()
            worker.say(self.one(connection, f"SELECT count(*) FROM {worker.table}"))
            connection.rollback()

    def cursor(self, worker):
        connection = self.open(worker)
        for turn in range(4):
            with connection.cursor("mine") as cursor:
                cursor.itersize = 7
                cursor.execute(
                    "SELECT g * %s FROM generate_series(1, 50) g", (worker.number + 1,))
                worker.say(cursor.fetchone(), cursor.fetchmany(9), [row[0] for row in cursor])
            connection.commit() if turn % 2 else connection.rollback()
        super().cursor(worker)

    def cancel(self, worker):
        connection = self.open(worker, autocommit=True)
        self.cancel_one(worker, connection, connection.cancel)

    def pool(self, worker):
        pool = psycopg2.pool.ThreadedConnectionPool(1, 3, "")
        connection = pool.getconn()
        self.table(worker, connection)
        connection.commit()
        pool.putconn(connection)
        for turn in range(10):
            # Two at once, but only one of them in a transaction: two might wait for ever.
            first, second = pool.getconn(), pool.getconn()
            self.rows(first, f"INSERT INTO {worker.table} (v) VALUES (%s)", turn)
            first.commit()
            worker.say(self.one(second, f"SELECT count(*) FROM {worker.table}"))
            # The second is given back within a transaction: the pool rolls it back.
            self.rows(second, f"INSERT INTO {worker.table} (v) VALUES (%s)", 100 + turn)
            pool.putconn(first)
            pool.putconn(second)
        connection = pool.getconn()
        worker.say(self.rows(connection, f"SELECT v FROM {worker.table} ORDER BY v"))
        pool.putconn(connection)
        pool.closeall()


if __name__ == "__main__":
    run_threads(psycopg2.__version__.split()[0], Psycopg2().scenarios())
