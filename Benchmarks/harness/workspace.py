"""The throw-away directory of a run, and the processes that live in it."""

import os
import pwd
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

OPEN_FILES = 32_768


def raise_open_files(wanted=OPEN_FILES):
    """Lifts the limit that all processes started from here inherit; root lifts the hard one too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


class Workspace:
    """Use as a context manager: at its end every process is stopped and the directory removed.

    PostgreSQL and PgBouncer refuse to run as root, so when this runs as root, what is spawned
    runs as `user`, and programs are copied to where that user can read them.
    """

    def __init__(self, user="postgres", keep=False):
        raise_open_files()
        self.user = user if os.geteuid() == 0 else None
        self.keep = keep
        self.path = tempfile.mkdtemp(prefix="sluice-bench-")
        os.chmod(self.path, 0o755)
        self.processes = []
        self.copies = {}
        self.counter = 0

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            stop(process, process.stop_signal)
        if not self.keep:
            shutil.rmtree(self.path, ignore_errors=True)

    def directory(self, name):
        """A new directory that belongs to the unprivileged user."""
        self.counter += 1
        path = os.path.join(self.path, f"{self.counter}-{name}")
        os.mkdir(path, 0o755)
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid)
        return path

    def readable(self, program):
        """A path of the program that the unprivileged user can run.

        Its copy is without debug information, where objcopy is there: valgrind 3.19 can't read
        all of Swift's, and ends. Symbols stay.
        """
        found = shutil.which(program) or program
        if os.path.realpath(found).startswith("/usr/"):
            return found
        if found not in self.copies:
            copy = os.path.join(self.directory("program"), os.path.basename(found))
            strip = shutil.which("objcopy")
            if not strip or subprocess.run([strip, "--strip-debug", found, copy]).returncode:
                shutil.copyfile(found, copy)
            os.chmod(copy, 0o755)
            self.copies[found] = copy
        return self.copies[found]

    def spawn(self, command, name, cpus=None, stop_signal=signal.SIGTERM):
        """Starts a program in a directory of its own, its output in a log there."""
        directory = self.directory(name)
        identity = {"user": self.user, "extra_groups": []} if self.user else {}
        if self.user:
            identity["group"] = pwd.getpwnam(self.user).pw_gid
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": directory}
        log_path = os.path.join(directory, "log")
        with open(log_path, "wb") as log:
            process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment, preexec_fn=pin(cpus), **identity)
        process.log_path = log_path
        process.stop_signal = stop_signal
        process.command_text = shlex.join(command)
        self.processes.append(process)
        return process

    def run(self, command, name):
        """Runs a program to its end; an exit code other than 0 is an error."""
        process = self.spawn(command, name)
        if process.wait(timeout=120) != 0:
            raise SystemExit(f"failed: {process.command_text}\n{log_tail(process)}")
        self.processes.remove(process)


def pin(cpus):
    """What a child does before it becomes its program; None where it runs on all cores."""
    return (lambda: os.sched_setaffinity(0, cpus)) if cpus else None


def log_tail(process, count=20):
    with open(process.log_path, encoding="utf-8", errors="replace") as log:
        return "".join(log.readlines()[-count:])


def stop(process, number=signal.SIGTERM, timeout=20):
    """Ends one process by its id."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


_next_port = 20_000 + os.getpid() % 8_000


def free_port():
    """A port below the ephemeral range, so that no client's own port can be in its way."""
    global _next_port
    for _ in range(4_000):
        _next_port = 20_000 + (_next_port - 20_000 + 1) % 12_000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", _next_port))
                return _next_port
            except OSError:
                continue
    raise SystemExit("no free port")


def wait_for_answer(process, port, timeout, **login):
    """Seconds until a query was answered on the port; ends the run when that never happens."""
    from .wire import query_once

    begin = time.monotonic()
    while time.monotonic() - begin < timeout:
        if process.poll() is not None:
            raise SystemExit(f"ended at once: {process.command_text}\n{log_tail(process)}")
        try:
            query_once(port, timeout=timeout, **login)
            return time.monotonic() - begin
        except OSError:
            time.sleep(0.0005)
    raise SystemExit(f"no answer: {process.command_text}\n{log_tail(process)}")
