"""PostgreSQL in a throw-away directory, and Sluice in front of it."""

import os
import signal
import subprocess

from harness.backends import postgres_programs
from harness.wire import query_once
from harness.workspace import free_port, log_tail, stop, wait_for_answer

WORKERS = 8
USER = "app"
DATABASE = "app"

CONFIGURATION = """\
listen_addr = "127.0.0.1"
listen_port = {port}
unix_socket_dir = ""
threads = 2
auth_type = "trust"
pool_mode = "{mode}"
default_pool_size = {size}
query_wait_timeout = "20s"
# pgjdbc asks for it at login, so nearly every configuration has this line.
ignore_startup_parameters = "extra_float_digits"

[databases.{database}]
host = "127.0.0.1"
port = {backend}
dbname = "{database}"

[users.{user}]
password = ""
"""


class PostgreSQL:
    name = "PostgreSQL"

    def __init__(self, workspace):
        programs = postgres_programs()
        data = workspace.directory("data")
        workspace.run(
            [os.path.join(programs, "initdb"), "-D", data, "-U", "postgres", "-A", "trust",
             "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"], "initdb")
        self.programs = programs
        self.port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "",
            "max_connections": 200, "fsync": "off", "logging_collector": "off",
            "timezone": "UTC", "log_statement": "all", "log_line_prefix": "%m [%p] %a ",
        }
        command = [os.path.join(programs, "postgres"), "-D", data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
        self.process = workspace.spawn(command, "postgres", stop_signal=signal.SIGINT)
        wait_for_answer(self.process, self.port, 60, user="postgres", database="postgres")
        self._fill()

    def _fill(self):
        for query in (f"CREATE ROLE {USER} LOGIN", f"CREATE DATABASE {DATABASE} OWNER {USER}"):
            self.query(query, user="postgres", database="postgres")
        # The scenario `settings` finds out by these whose search_path is in force.
        for worker in range(WORKERS):
            self.query(
                f"CREATE SCHEMA s{worker}; CREATE TABLE s{worker}.who (name text);"
                f" INSERT INTO s{worker}.who VALUES ('schema {worker}')")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def recover(self):
        return ""

    def death(self):
        return None

    def query(self, text, user=USER, database=DATABASE):
        query_once(self.port, text, user=user, database=database, timeout=60)


class Sluice:
    name = "Sluice"

    def __init__(self, workspace, backend, binary, mode, size, more=""):
        """`more` goes behind the configuration, whose last section is the user's."""
        self.workspace = workspace
        self.port = free_port()
        path = os.path.join(workspace.directory("sluice-config"), "sluice.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(
                port=self.port, mode=mode, size=size, backend=backend.port, user=USER,
                database=DATABASE) + more)
        os.chmod(path, 0o644)
        self.command = [workspace.readable(binary), path]
        self.process = None

    def __enter__(self):
        # SIGQUIT ends Sluice at once, whatever clients are left.
        self.process = self.workspace.spawn(self.command, "sluice", stop_signal=signal.SIGQUIT)
        wait_for_answer(self.process, self.port, 20, user=USER, database=DATABASE)
        return self

    def __exit__(self, *_):
        stop(self.process, signal.SIGQUIT)

    def recover(self):
        """Starts anew, so that a scenario does not suffer from another one's trouble.

        Tells what that trouble has done beyond its own clients, which are gone by now.
        """
        told = ""
        if self.process.poll() is not None:
            last = log_tail(self.process, 3)
            told = f"; Sluice ended with status {self.process.returncode}: {last}"
        else:
            try:
                query_once(self.port, user=USER, database=DATABASE, timeout=5)
            except OSError as error:
                told = f"; Sluice serves nobody after that ({error})"
        self.__exit__()
        self.__enter__()
        return told

    def death(self):
        """What it said last, or None while it lives."""
        if self.process.poll() is None:
            return None
        return f"Sluice ended with status {self.process.returncode}: {log_tail(self.process, 3)}"


def binary(root):
    """SLUICE_BIN, or the binary that `swift build` makes."""
    path = os.environ.get("SLUICE_BIN")
    if not path:
        shown = subprocess.run(
            ["swift", "build", "--show-bin-path"], cwd=root, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True, check=True, timeout=120)
        path = os.path.join(shown.stdout.strip(), "sluice")
    if not os.access(path, os.X_OK):
        raise SystemExit("no sluice binary: run `swift build --product sluice`, or set SLUICE_BIN")
    return path
