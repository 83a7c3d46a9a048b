"""How each pooler is configured and started: with the same settings, as far as they go."""

import os
import re
import shlex
import time

from .workspace import free_port, stop, wait_for_answer

MAX_CLIENTS = 12_000

TOML = """\
listen_addr = "127.0.0.1"
listen_port = {listen}
unix_socket_dir = ""
threads = {threads}
auth_type = "any"
pool_mode = "transaction"
default_pool_size = {pool}
max_client_conn = {clients}
log_connections = false
log_disconnections = false
{extra}
[databases.bench]
host = "127.0.0.1"
port = {backend}
dbname = "bench"
user = "postgres"
"""

INI = """\
[databases]
bench = host=127.0.0.1 port={backend} dbname=bench user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = {clients}
log_connections = 0
log_disconnections = 0
log_stats = 0
"""


def slug(name):
    """A candidate's name as part of a directory's."""
    return re.sub(r"\W+", "-", name)


class Pooler:
    """A command line with places for what differs from run to run: {listen}, {backend}, {pool},
    {toml} (a configuration of Sluice) and {ini} (one of PgBouncer)."""

    def __init__(self, name, template, threads=1, extra=()):
        self.name = name
        self.template = template
        self.threads = threads
        self.extra = extra

    def command(self, workspace, port, backend, pool):
        directory = workspace.directory(f"{slug(self.name)}-config")
        values = {
            "listen": port, "backend": backend.port, "pool": pool, "threads": self.threads,
            "clients": MAX_CLIENTS, "extra": "".join(f"{line}\n" for line in self.extra),
        }
        for kind, text in (("toml", TOML), ("ini", INI)):
            path = os.path.join(directory, f"pooler.{kind}")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.format(**values))
            os.chmod(path, 0o644)
            values[kind] = path
        words = [word.format(**values) for word in shlex.split(self.template)]
        return [workspace.readable(words[0])] + words[1:]

    def start(self, workspace, backend, pool, prefix=(), timeout=30, cpus=None):
        port = free_port()
        command = list(prefix) + self.command(workspace, port, backend, pool)
        return Running(self, port, workspace, command, timeout, cpus)


class Running:
    """A pooler that has answered its first query."""

    def __init__(self, pooler, port, workspace, command, timeout, cpus):
        self.name = pooler.name
        self.port = port
        self.workspace = workspace
        begin = time.monotonic()
        self.process = workspace.spawn(command, slug(pooler.name), cpus)
        wait_for_answer(self.process, port, timeout)
        self.start_seconds = time.monotonic() - begin
        self.pid = self.process.pid

    def stop(self, **options):
        stop(self.process, **options)
        self.workspace.processes.remove(self.process)


class Direct:
    """No pooler: the clients connect to the backend."""

    name = "direct"

    def start(self, workspace, backend, pool, cpus=None):
        return DirectRunning(backend)


class DirectRunning:
    name = "direct"
    pid = None
    start_seconds = None

    def __init__(self, backend):
        self.port = backend.port

    def stop(self):
        """There is nothing to stop: the backend stays."""


def find_poolers(options):
    """The poolers that the command line names and that are there, Sluice first."""
    poolers = []
    if os.path.exists(options.sluice):
        for threads in options.threads:
            name = f"Sluice, {threads} thread" + ("s" if threads > 1 else "")
            poolers.append(
                Pooler(
                    name, shlex.quote(options.sluice) + " {toml}", threads,
                    options.sluice_setting))
    for relay in options.relay:
        name, _, template = relay.partition("=")
        poolers.append(Pooler(name, template))
    if options.pgbouncer:
        poolers.append(Pooler("PgBouncer", shlex.quote(options.pgbouncer) + " -q {ini}"))
    return poolers
