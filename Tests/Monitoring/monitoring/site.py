"""PostgreSQL in a throw-away directory, and Sluice in front of it with its HTTP address."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request

from harness.backends import postgres_programs
from harness.workspace import free_port, log_tail, stop, wait_for_answer

SETTINGS = {
    "listen_addr": '"127.0.0.1"', "unix_socket_dir": '""', "threads": "2",
    "auth_type": '"trust"', "pool_mode": '"transaction"', "default_pool_size": "20",
    "admin_users": '["app"]', "server_login_retry": '"1s"',
}


class PostgreSQL:
    def __init__(self, workspace):
        self.workspace = workspace
        self.programs = postgres_programs()
        self.data = workspace.directory("data")
        self.port = free_port()
        workspace.run(
            [self.program("initdb"), "-D", self.data, "-U", "postgres", "-A", "trust",
             "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"], "initdb")
        self.start()
        for text in ("CREATE ROLE app LOGIN", "CREATE ROLE analyst LOGIN",
                     "CREATE DATABASE app OWNER app", "CREATE DATABASE reports OWNER analyst"):
            self.run("postgres", "postgres", text)

    def program(self, name):
        return os.path.join(self.programs, name)

    def start(self):
        command = [self.program("postgres"), "-D", self.data]
        for name, value in {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "",
            "max_connections": 100, "fsync": "off", "logging_collector": "off",
        }.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
        self.process = self.workspace.spawn(command, "postgres", stop_signal=signal.SIGINT)
        wait_for_answer(self.process, self.port, 60, user="postgres", database="postgres")

    def stop(self):
        stop(self.process, signal.SIGINT)

    def run(self, user, database, *texts):
        for text in texts:
            subprocess.run(
                ["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", user, "-v",
                 "ON_ERROR_STOP=1", "-c", text, database], check=True, timeout=60,
                stdin=subprocess.DEVNULL)


class Sluice:
    """`settings` replace those above; `more` goes behind them: databases, users, tenants."""

    def __init__(self, workspace, binary, settings, more, files=None):
        """`files`: how many may be open."""
        self.workspace = workspace
        self.limit = ["prlimit", f"--nofile={files}:{files}"] if files else []
        self.binary = workspace.readable(binary)
        self.port = free_port()
        self.http = free_port()
        self.url = f"http://127.0.0.1:{self.http}"
        self.path = os.path.join(workspace.directory("sluice-config"), "sluice.toml")
        self.settings = {
            **SETTINGS, "listen_port": str(self.port),
            "metrics_listen": f'"127.0.0.1:{self.http}"', **settings}
        self.more = more
        self.process = None
        self.configure()

    def configure(self, text=None):
        lines = [f"{name} = {value}" for name, value in self.settings.items()]
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text or "\n".join(lines) + "\n" + self.more)
        os.chmod(self.path, 0o644)

    def start(self):
        # SIGQUIT ends Sluice at once, whatever clients are left.
        self.process = self.workspace.spawn(
            [*self.limit, self.binary, self.path], "sluice", stop_signal=signal.SIGQUIT)
        eventually("Sluice answers", lambda: self.get("/healthz"), 20, self.process)
        return self

    def end(self, number=signal.SIGQUIT):
        stop(self.process, number)

    def get(self, path):
        """What it answers over HTTP; None: it does not."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.read().decode()
        except (OSError, urllib.error.URLError):
            return None

    def status(self):
        return json.loads(self.get("/status.json") or "{}")


class Load:
    """pgbench with a script, until it is ended."""

    def __init__(self, site, sluice, script, user="app", database="app", clients=4, rate=None,
                 application="pgbench"):
        path = os.path.join(site.workspace.directory("load"), "script.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        os.chmod(path, 0o644)
        command = ["env", f"PGAPPNAME={application}", site.program("pgbench"), "-n", "-h",
                   "127.0.0.1", "-p", str(sluice.port), "-U", user, "-c", str(clients), "-j", "1",
                   "-T", "1200", "-f", path]
        if rate:
            command += ["-R", str(rate)]
        self.process = site.workspace.spawn([*command, database], "load")

    def end(self):
        stop(self.process)


def knows(workspace, binary, setting):
    """Whether this build has the setting."""
    path = os.path.join(workspace.directory("check"), "check.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{setting} = true\n")
    checked = subprocess.run([binary, "--check", path], capture_output=True, text=True, timeout=20,
                             stdin=subprocess.DEVNULL, check=False)
    return "unknown setting" not in checked.stdout + checked.stderr


def eventually(what, holds, seconds, process=None):
    """Waits until it holds, for so long at most."""
    deadline = time.monotonic() + seconds
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > deadline or (process and process.poll() is not None):
            tail = f"\n{log_tail(process)}" if process else ""
            raise AssertionError(f"not within {seconds} s: {what}{tail}")
        time.sleep(0.1)
