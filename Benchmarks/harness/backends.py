"""What stands behind the poolers: PostgreSQL in a throw-away directory, or the fake backend."""

import glob
import os
import shutil
import signal

from .wire import query_once
from .workspace import free_port, wait_for_answer


class FakeBackend:
    name = "fake backend"

    def __init__(self, workspace, tools, cpus=None):
        self.port = free_port()
        self.process = workspace.spawn(
            [workspace.readable(os.path.join(tools, "fakebackend")), str(self.port)],
            "fakebackend", cpus)
        wait_for_answer(self.process, self.port, 20)

    def copy_query(self, megabytes):
        return f"COPY bench TO STDOUT {megabytes}MB"


class Postgres:
    name = "PostgreSQL"

    def __init__(self, workspace, programs=None, cpus=None):
        programs = programs or postgres_programs()
        data = workspace.directory("data")
        workspace.run(
            [os.path.join(programs, "initdb"), "-D", data, "-U", "postgres", "-A", "trust",
             "--no-sync", "-E", "UTF8", "--no-locale"], "initdb")
        self.port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "",
            "max_connections": 300, "fsync": "off", "synchronous_commit": "off",
            "autovacuum": "off", "logging_collector": "off",
        }
        command = [os.path.join(programs, "postgres"), "-D", data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
        self.process = workspace.spawn(command, "postgres", cpus, signal.SIGINT)
        wait_for_answer(self.process, self.port, 60, user="postgres", database="postgres")
        for query in ("CREATE ROLE bench LOGIN SUPERUSER", "CREATE DATABASE bench"):
            query_once(self.port, query, user="postgres", database="postgres", timeout=60)

    def copy_query(self, megabytes):
        """Rows of 1,000 bytes, as those of the fake backend."""
        return (
            "COPY (SELECT repeat('x', 999) FROM generate_series(1, "
            f"{megabytes * 1_000})) TO STDOUT")


def postgres_programs():
    """The directory of PostgreSQL's programs: beside initdb on the path, or Debian's newest."""
    found = shutil.which("initdb")
    if found:
        return os.path.dirname(os.path.realpath(found))
    places = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if not places:
        raise SystemExit("PostgreSQL is not installed: name its programs with --postgres-programs")
    places.sort(key=lambda place: float(place.split("/")[4]))
    return os.path.dirname(places[-1])
