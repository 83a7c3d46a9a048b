"""pg8000, a driver in Python alone: it parses each statement as the unnamed one, or names it."""

import io
import os
import socket
import time
from importlib.metadata import version

import pg8000.dbapi
import pg8000.native
from dbapi import Scenarios
from workers import WAIT_SECONDS, run_threads

PLACE = {
    "user": os.environ["PGUSER"], "host": os.environ["PGHOST"], "port": int(os.environ["PGPORT"]),
    "database": os.environ["PGDATABASE"],
}


class Pg8000(Scenarios):
    error = pg8000.dbapi.Error

    def connect(self):
        return pg8000.dbapi.connect(**PLACE)

    def sqlstate(self, error):
        first = error.args[0] if error.args else None
        return first.get("C") if isinstance(first, dict) else type(error).__name__

    def abort(self, connection):
        connection._usock.shutdown(socket.SHUT_RDWR)

    def notifications(self, connection, count):
        # It reads notifications along with the answer to a query.
        deadline = time.monotonic() + WAIT_SECONDS
        while len(connection.notifications) < count and time.monotonic() < deadline:
            self.rows(connection, "SELECT 1")
            time.sleep(0.05)
        return [payload for _, _, payload in connection.notifications]

    def repeated(self, worker):
        super().repeated(worker)
        # Its own kind of prepared statement has a name and lives until it is closed.
        connection = worker.opened(pg8000.native.Connection(**PLACE))
        statement = connection.prepare("SELECT CAST(:v AS int) + 1")
        for number in range(30):
            worker.say(statement.run(v=number + worker.number))
        statement.close()

    def copy(self, worker):
        connection = self.open(worker)
        self.table(worker, connection)
        connection.commit()
        for turn in range(4):
            cursor = connection.cursor()
            text = "".join(f"{turn * 1_000 + number}\trow {number}\n" for number in range(200))
            cursor.execute(
                f"COPY {worker.table} (v, t) FROM STDIN", stream=io.BytesIO(text.encode()))
            out = io.BytesIO()
            cursor.execute(
                f"COPY (SELECT v, t FROM {worker.table} ORDER BY v) TO STDOUT", stream=out)
            worker.say(len(out.getvalue()), out.getvalue()[-30:])
            connection.commit()
            try:
                cursor.execute(
                    f"COPY {worker.table} (v) FROM STDIN", stream=io.BytesIO(b"no number\n"))
            except self.error as error:
                worker.say("error", self.sqlstate(error))
            connection.rollback()
            worker.say(self.one(connection, f"SELECT count(*) FROM {worker.table}"))
            connection.rollback()


if __name__ == "__main__":
    run_threads(version("pg8000"), Pg8000().scenarios())
