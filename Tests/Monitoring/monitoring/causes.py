"""What brings each alert about, with real parts: clients, PostgreSQL, signals, a full disk's error.

Each cause is a Sluice of its own, so that an alert can be told from another one's.
"""

import contextlib
import signal
import socket
import struct
import threading
import time

from harness.workspace import free_port

from .client import Client, Refused
from .site import Load, Sluice, eventually

DATABASE = """
[databases.app]
host = "127.0.0.1"
port = {port}
[users.app]
password = ""
"""

# PBKDF2 with many rounds makes a login costly for who checks it, and cheap for who tries.
VERIFIER = "SCRAM-SHA-256$100000:c2x1aWNlLXRlc3Qtc2FsdA==${key}:{key}"


class Cause:
    """One Sluice, the trouble that it is brought into, and the alerts that have to fire."""

    alerts = ()
    settings = {}
    more = DATABASE
    files = None

    def __init__(self, site, binary):
        self.site = site
        self.sluice = Sluice(
            site.workspace, binary, self.settings, self.configuration(), self.files)
        self.open = []
        self.is_over = threading.Event()

    name = property(lambda self: type(self).__name__.lower())

    def configuration(self):
        return self.more.replace("{port}", str(self.site.port))

    def client(self, **login):
        client = Client(self.sluice.port, **login)
        self.open.append(client)
        return client

    def again(self, action, pause):
        """Does it over and over until the end, in a thread; errors are expected."""
        def run():
            while not self.is_over.wait(pause):
                with contextlib.suppress(OSError, Refused):
                    action()
        threading.Thread(target=run, daemon=True).start()

    def bring_about(self):
        """Begins the trouble; it lasts until `end`."""

    def end(self):
        self.is_over.set()
        for client in self.open:
            client.close()


class Calm(Cause):
    """An ordinary load, which nothing is to be said of."""

    def bring_about(self):
        self.load = Load(self.site, self.sluice, "SELECT pg_sleep(0.01);\n", clients=8)


class Held(Cause):
    alerts = ("SluicePoolExhausted", "SluiceWaitLong")
    settings = {"default_pool_size": "1"}

    def bring_about(self):
        self.client().query("BEGIN; SELECT 1")
        for _ in range(3):
            self.client(timeout=120).send("SELECT 1")


class Slow(Cause):
    alerts = ("SluiceWaitHigh",)
    settings = {"default_pool_size": "1"}

    def bring_about(self):
        self.load = Load(self.site, self.sluice, "SELECT pg_sleep(0.3);\n", clients=5)


class Errors(Cause):
    alerts = ("SluiceServerResources", "SluiceServerInternalErrors", "SluiceServerInterventions")

    def bring_about(self):
        # A counter has to be seen before it rises.
        self.again(self.fail, 0.3)

    def fail(self):
        client = Client(self.sluice.port)
        for state in ("53100", "XX001", "57014"):
            with contextlib.suppress(Refused):
                client.query(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$")
            client.until_ready()
        client.close()


class Logins(Cause):
    alerts = ("SluiceLoginFailures",)
    settings = {"auth_type": '"plain"'}
    more = DATABASE.replace('password = ""', 'password = "right"')

    def bring_about(self):
        self.again(lambda: Client(self.sluice.port, password="wrong"), 0.1)


class Unreachable(Cause):
    alerts = ("SluiceDatabaseUnreachable", "SluiceServerConnectFailures")

    def configuration(self):
        return self.more.replace("{port}", str(free_port()))

    def bring_about(self):
        self.again(lambda: Client(self.sluice.port).query("SELECT 1"), 0.5)


class Tenant(Cause):
    alerts = ("SluiceTenantRefused",)
    more = DATABASE + """
[tenancy]
sources = ["user_suffix"]
fallback_tenant = "public"
[tenancy.settings]
"app.tenant_id" = "{tenant}"
[tenants.acme]
max_client_connections = 1
"""

    def bring_about(self):
        self.client(user="app.acme")
        self.again(lambda: Client(self.sluice.port, user="app.acme"), 0.5)


class Clients(Cause):
    alerts = ("SluiceClientLimitNear",)
    settings = {"max_client_conn": "10"}

    def bring_about(self):
        for _ in range(10):
            self.client()


class Files(Cause):
    alerts = ("SluiceOpenFilesNear",)
    files = 100

    def bring_about(self):
        self.again(self.one_more, 0.1)

    def one_more(self):
        figures = self.figures("process_open_fds", "process_max_fds")
        if figures and figures[0] < 0.95 * figures[1] - 1:
            self.client()

    def figures(self, *names):
        lines = (self.sluice.get("/metrics") or "").splitlines()
        found = [float(line.split()[1]) for name in names for line in lines
                 if line.startswith(name + " ")]
        return found if len(found) == len(names) else None


class Backlog(Cause):
    alerts = ("SluiceAcceptBacklog",)
    settings = {"listen_backlog": "8"}

    def bring_about(self):
        self.client(database="pgbouncer").query("SUSPEND")
        for _ in range(9):
            knock = socket.socket()
            knock.settimeout(1)
            self.open.append(knock)
            # A connection that says nothing is not queued: tcp_defer_accept.
            with contextlib.suppress(OSError):
                knock.connect(("127.0.0.1", self.sluice.port))
                knock.send(struct.pack("!ii", 8, 80_877_103))


class Reload(Cause):
    alerts = ("SluiceReloadFailed",)

    def bring_about(self):
        self.sluice.configure("pool_mode = \"wrong\"\n")
        self.sluice.process.send_signal(signal.SIGHUP)


class Paused(Cause):
    alerts = ("SluicePaused",)

    def bring_about(self):
        self.client(database="pgbouncer").query("PAUSE")


class Restarts(Cause):
    alerts = ("SluiceRestarting",)

    def bring_about(self):
        def restart():
            for _ in range(4):
                if self.is_over.wait(4):
                    return
                self.sluice.end()
                self.sluice.start()
        threading.Thread(target=restart, daemon=True).start()


class Down(Cause):
    alerts = ("SluiceDown",)

    def bring_about(self):
        self.sluice.end(signal.SIGKILL)


class Loop(Cause):
    alerts = ("SluiceLoopSaturated",)
    settings = {"threads": "1", "auth_type": '"plain"', "max_client_conn": "200"}

    def configuration(self):
        key = "A" * 43 + "="
        return super().configuration().replace(
            'password = ""', f'password = "{VERIFIER.format(key=key)}"')

    def bring_about(self):
        for _ in range(6):
            self.again(lambda: Client(self.sluice.port, password="wrong", timeout=60), 0.001)


class Log(Cause):
    alerts = ("SluiceLogSuppressed",)
    settings = {"log_rate_limit": "1"}

    def bring_about(self):
        self.again(lambda: Client(self.sluice.port, user="nobody"), 0.02)


ALL = (Calm, Held, Slow, Errors, Logins, Unreachable, Tenant, Clients, Files, Backlog, Reload,
       Paused, Restarts, Down, Loop, Log)


def wait_for_scrapes(prometheus, seconds=20):
    """Each target has been scraped a few times: a counter's rise is then seen as one."""
    def all_up():
        errors = prometheus.targets()
        return errors and not any(errors.values())
    eventually("all are scraped", all_up, seconds)
    time.sleep(3)
