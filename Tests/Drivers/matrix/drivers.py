"""What the drivers are: their scenarios, what they need, and how their program is started."""

import glob
import os
import shutil
import subprocess

# In the order of the table.
SCENARIOS = {
    "types": "values of each type and NULL there and back",
    "repeated": "a parameterised query 30 times, so that the driver's statement cache begins",
    "transaction": "inserts, then commit or rollback",
    "savepoint": "rolled back to, and released",
    "error": "errors within and outside of transactions, and going on after them",
    "batch": "executemany, or the driver's own batch",
    "pipeline": "many queries before the first answer, with errors in the middle",
    "singlerow": "single-row mode",
    "copy": "COPY in and out, and a COPY that fails",
    "cursor": "cursors of the server, fetched in pieces",
    "settings": "SET of search_path, statement_timeout and TimeZone, and RESET",
    "prepare": "PREPARE, EXECUTE and DEALLOCATE as SQL",
    "alter": "a prepared SELECT * before and after ALTER TABLE",
    "temporary": "a temporary table over several transactions",
    "advisory": "an advisory lock over several transactions",
    "notify": "LISTEN by one client, NOTIFY by another",
    "cancel": "a cancelled query, and the next one",
    "pool": "the driver's own pool: check-in with and without an open transaction",
    "disconnect": "a client that goes away within a transaction",
    "simple": "pgbench, simple protocol",
    "extended": "pgbench, extended protocol",
    "prepared": "pgbench, prepared statements",
}

_ALL = [name for name in SCENARIOS if name not in ("singlerow", "simple", "extended", "prepared")]


def _without(*names):
    return tuple(name for name in _ALL if name not in names)


class Driver:
    """A program in programs/, and how it is made to run."""

    def __init__(self, name, program, scenarios, prepare):
        self.name = name
        self.program = program
        self.scenarios = scenarios
        self._prepare = prepare

    def command(self, site):
        """The command line; raises Missing where the driver can't be had here."""
        return self._prepare(site, os.path.join(site.programs, self.program))


class Missing(Exception):
    """A driver or a tool that this machine does not have."""


class Site:
    """Where the programs are, where they are built, and where the virtual environment is."""

    def __init__(self, root, postgres_programs):
        self.programs = os.path.join(root, "Tests", "Drivers", "programs")
        self.built = os.path.join(root, ".build-drivers", "programs")
        self.python = os.path.join(root, ".build-drivers", "venv", "bin", "python")
        self.postgres_programs = postgres_programs
        os.makedirs(self.built, exist_ok=True)

    def tool(self, name):
        found = shutil.which(name)
        if not found:
            raise Missing(f"no {name}")
        return found

    def check(self, command, what, timeout=60, **options):
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=timeout, text=True, **options)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Missing(f"{what}: {error}") from error
        if done.returncode != 0:
            raise Missing(f"{what}: {(done.stdout.strip().splitlines() or ['failed'])[-1]}")
        return done.stdout

    def build(self, source, target, command, what, **options):
        """Builds where the source is newer. A program that does not build is the matrix's fault."""
        if os.path.exists(target) and os.path.getmtime(target) >= os.path.getmtime(source):
            return
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=400, text=True, **options)
        if done.returncode != 0:
            raise SystemExit(f"{what} does not build:\n{done.stdout}")


def python(*modules):
    def prepare(site, program):
        if not os.path.exists(site.python):
            raise Missing("no virtual environment")
        for module in modules:
            site.check([site.python, "-c", f"import {module}"], f"Python module {module}")
        return [site.python, "-B", program]
    return prepare


def _java(site, program):
    found = sorted(glob.glob("/usr/share/java/postgresql.jar"))
    if not found:
        raise Missing("no postgresql.jar")
    target = os.path.join(site.built, "Pgjdbc.class")
    site.build(
        program, target,
        [site.tool("javac"), "-nowarn", "-d", site.built, "-cp", found[0], program],
        "the program of pgjdbc")
    return [
        site.tool("java"), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
        f"{site.built}:{found[0]}", "Pgjdbc"]


def _go(site, program):
    gopath = "/usr/share/gocode"
    if not os.path.isdir(f"{gopath}/src/github.com/jackc/pgx/v4"):
        raise Missing("no pgx")
    target = os.path.join(site.built, "pgx")
    environment = {
        **os.environ, "GOPATH": gopath, "GO111MODULE": "off", "GOPROXY": "off", "GOFLAGS": "",
        "GOCACHE": os.path.join(site.built, "go-cache")}
    site.build(
        program, target, [site.tool("go"), "build", "-o", target, program],
        "the program of pgx", env=environment)
    return [target]


def _c(site, program):
    include = site.check([site.tool("pg_config"), "--includedir"], "pg_config").strip()
    if not os.path.exists(os.path.join(include, "libpq-fe.h")):
        raise Missing("no libpq-fe.h")
    target = os.path.join(site.built, "libpq")
    site.build(
        program, target,
        [site.tool("cc"), "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", f"-I{include}",
         "-o", target, program, "-lpq", "-lpthread"], "the program of libpq")
    return [target]


def _perl(site, program):
    site.check([site.tool("perl"), "-MDBD::Pg", "-e", "1"], "Perl module DBD::Pg")
    return [site.tool("perl"), program]


def _ruby(site, program):
    site.check([site.tool("ruby"), "-e", "require 'pg'"], "Ruby library pg")
    return [site.tool("ruby"), program]


def _pgbench(site, program):
    pgbench = os.path.join(site.postgres_programs, "pgbench")
    if not os.access(pgbench, os.X_OK):
        raise Missing("no pgbench")
    return [site.tool("python3"), "-B", program, pgbench, shutil.which("psql") or "psql"]


DRIVERS = [
    Driver("psycopg", "psycopg3.py", _without(), python("psycopg", "psycopg_pool")),
    Driver(
        "psycopg2", "psycopg2_.py", _without("pipeline"), python("psycopg2")),
    Driver("asyncpg", "asyncpg_.py", _without("pipeline"), python("asyncpg")),
    Driver("pg8000", "pg8000_.py", _without("pipeline", "cancel", "pool"), python("pg8000")),
    Driver(
        "SQLAlchemy", "sqlalchemy_.py", _without("pipeline", "copy", "notify", "cancel"),
        python("sqlalchemy", "psycopg")),
    Driver(
        "SQLAlchemy asyncpg", "sqlalchemy_asyncpg.py",
        ("types", "repeated", "transaction", "savepoint", "error", "batch", "cursor", "settings",
         "alter", "pool"), python("sqlalchemy", "asyncpg", "greenlet")),
    Driver(
        "Django", "django_.py",
        ("repeated", "transaction", "savepoint", "error", "batch", "cursor", "settings"),
        python("django", "psycopg")),
    Driver(
        "django-tenants", "django_tenants_.py", ("transaction", "settings"),
        python("django_tenants", "django", "psycopg")),
    Driver("pgjdbc", "Pgjdbc.java", _without("pipeline", "pool"), _java),
    Driver("pgx", "pgx.go", _without("pipeline"), _go),
    Driver("DBD::Pg", "dbdpg.pl", _without("pipeline", "pool"), _perl),
    Driver("Ruby pg", "ruby_pg.rb", _without("pool"), _ruby),
    Driver("libpq", "libpq.c", _without("batch", "pool") + ("singlerow",), _c),
    Driver("pgbench", "pgbench_.py", ("simple", "extended", "prepared"), _pgbench),
]
