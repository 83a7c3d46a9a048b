"""psycopg 3 as it comes: statements are prepared once they were run five times."""

import psycopg
import psycopg_pool
from dbapi import Scenarios, shut_down
from workers import WAIT_SECONDS, run_threads


class Psycopg(Scenarios):
    error = psycopg.Error

    def connect(self):
        return psycopg.connect("")

    def sqlstate(self, error):
        return error.sqlstate or type(error).__name__

    def abort(self, connection):
        shut_down(connection.fileno())
        connection.close()

    def notifications(self, connection, count):
        return [
            notify.payload
            for notify in connection.notifies(timeout=WAIT_SECONDS, stop_after=count)]

    def pipeline(self, worker):
        connection = self.open(worker, autocommit=True)
        self.table(worker, connection)
        for turn in range(8):
            with connection.pipeline() as pipeline:
                cursors = [
                    connection.execute("SELECT %s::int + %s::int", (turn, number))
                    for number in range(10)]
                pipeline.sync()
                cursors += [
                    connection.execute(
                        f"INSERT INTO {worker.table} (v) VALUES (%s) RETURNING v", (number,))
                    for number in range(turn * 10, turn * 10 + 5)]
                worker.say([cursor.fetchone()[0] for cursor in cursors])
            # An error, which the pipeline's end raises; all since the last Sync is rolled back.
            try:
                with connection.pipeline():
                    connection.execute(f"INSERT INTO {worker.table} (v) VALUES (%s)", (9_000,))
                    connection.execute("SELECT 1 / %s::int", (0,))
                    connection.execute(f"INSERT INTO {worker.table} (v) VALUES (%s)", (9_001,))
            except psycopg.Error as error:
                worker.say("error", self.sqlstate(error))
            worker.say(self.rows(connection, f"SELECT count(*), sum(v) FROM {worker.table}"))
        with connection.pipeline(), connection.transaction():
            connection.execute(f"DELETE FROM {worker.table} WHERE v > %s", (50,))
            worker.say(
                connection.execute(f"SELECT count(*) FROM {worker.table}").fetchone()[0])

    def copy(self, worker):
        connection = self.open(worker)
        self.table(worker, connection)
        connection.commit()
        for turn in range(4):
            with connection.cursor() as cursor:
                with cursor.copy(f"COPY {worker.table} (v, t) FROM STDIN") as copy:
                    for number in range(200):
                        copy.write_row((turn * 1_000 + number, f"row\t{number}\n"))
                with cursor.copy(
                        f"COPY (SELECT v, t FROM {worker.table} ORDER BY v) TO STDOUT") as copy:
                    rows = list(copy.rows())
                worker.say(len(rows), rows[-1])
            connection.commit()
            try:
                with connection.cursor().copy(f"COPY {worker.table} (v) FROM STDIN") as copy:
                    copy.write("1000000\nnot a number\n")
            except psycopg.Error as error:
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
                    "SELECT g * %s::int FROM generate_series(1, 50) g", (worker.number + 1,))
                worker.say(cursor.fetchone(), cursor.fetchmany(9), [row[0] for row in cursor])
            connection.commit() if turn % 2 else connection.rollback()
        super().cursor(worker)

    def cancel(self, worker):
        connection = self.open(worker, autocommit=True)
        self.cancel_one(worker, connection, connection.cancel)

    def pool(self, worker):
        with psycopg_pool.ConnectionPool("", min_size=1, max_size=3, timeout=WAIT_SECONDS) as pool:
            with pool.connection() as connection:
                self.table(worker, connection)
            for turn in range(10):
                # Two at once, but only one of them in a transaction: two might wait for ever.
                with pool.connection() as first, pool.connection() as second:
                    self.rows(first, f"INSERT INTO {worker.table} (v) VALUES (%s)", turn)
                    first.commit()
                    worker.say(self.one(second, f"SELECT count(*) FROM {worker.table}"))
                try:
                    with pool.connection() as connection:
                        self.rows(
                            connection, f"INSERT INTO {worker.table} (v) VALUES (%s)", 100 + turn)
                        self.rows(connection, "SELECT 1 / 0")
                except psycopg.Error as error:
                    worker.say("error", self.sqlstate(error))
                # Given back within a transaction: the pool rolls it back.
                connection = pool.getconn()
                self.rows(connection, f"INSERT INTO {worker.table} (v) VALUES (%s)", 200 + turn)
                pool.putconn(connection)
            with pool.connection() as connection:
                worker.say(self.rows(connection, f"SELECT v FROM {worker.table} ORDER BY v"))


if __name__ == "__main__":
    run_threads(psycopg.__version__, Psycopg().scenarios())
