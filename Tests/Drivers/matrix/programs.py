"""Runs a driver's program and reads what it says.

A program is given the names of scenarios. For each it lets the workers go at the same time, and
writes lines of fields with tabs between them:

  version  TEXT                    what is tested, once
  line     SCENARIO  WORKER  TEXT  what a worker got; `done` is the last one
  end      SCENARIO                all workers have ended
"""

import os
import selectors
import signal
import subprocess
import tempfile
import time

from .compare import Account
from .servers import DATABASE, USER, WORKERS

# Of all lines of a program; a scenario says a few hundred.
OUTPUT_LIMIT_BYTES = 16 << 20


class Program:
    def __init__(self, command, port, limit_seconds, environment=None, recover=None):
        """`recover` is called after a hang or a crash, and may say what that has left behind."""
        self.command = command
        self.limit_seconds = limit_seconds
        self.recover = recover
        self.version = ""
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": tempfile.gettempdir(), "LC_ALL": "C.UTF-8",
            "TZ": "UTC", "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": USER,
            "PGDATABASE": DATABASE, "WORKERS": str(WORKERS), **(environment or {}),
        }

    def accounts(self, scenarios):
        """The account of each scenario. After a hang or a crash the rest gets a new process."""
        accounts = {}
        remaining = list(scenarios)
        while remaining:
            done = self._run(remaining)
            accounts.update(done)
            last = done[list(done)[-1]]
            if last.trouble and self.recover:
                last.trouble += self.recover()
            # At least one scenario is accounted for, so this ends.
            remaining = remaining[len(done):]
        return accounts

    def _run(self, scenarios):
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [*self.command, *scenarios], env=self.environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=errors, start_new_session=True)
            try:
                accounts, trouble = self._read(process, scenarios)
            finally:
                end_group(process)
            errors.seek(0)
            said = errors.read()[-4000:].decode("utf-8", "replace").strip()
            if trouble:
                last = list(accounts.values())[-1]
                if trouble == "crash":
                    status = f"the program ended with status {process.returncode}"
                    trouble = f"{status}: {said.splitlines()[-1]}" if said else status
                last.trouble = trouble
            return accounts

    def _read(self, process, scenarios):
        """Accounts in order, the last of which is the one that `trouble` befell, if any did."""
        accounts = {scenarios[0]: Account()}
        position, buffered, total = 0, b"", 0
        deadline = time.monotonic() + self.limit_seconds
        os.set_blocking(process.stdout.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                if not selector.select(max(0, deadline - time.monotonic())):
                    return accounts, f"hang: nothing for {self.limit_seconds} seconds"
                chunk = process.stdout.read(1 << 16) or b""
                total += len(chunk)
                if total > OUTPUT_LIMIT_BYTES:
                    return accounts, "said too much"
                *lines, buffered = (buffered + chunk).split(b"\n")
                for line in lines:
                    ended = self._take(line.decode("utf-8", "replace"), accounts)
                    if ended is None:
                        continue
                    if ended != scenarios[position]:
                        return accounts, f"ended {ended} instead of {scenarios[position]}"
                    position += 1
                    if position == len(scenarios):
                        return accounts, None
                    accounts[scenarios[position]] = Account()
                    deadline = time.monotonic() + self.limit_seconds
                if not chunk:
                    wait(process, 5)
                    return accounts, "crash"

    def _take(self, line, accounts):
        """The name of the scenario that ended with this line, or None."""
        kind, *fields = line.split("\t", 3)
        if kind == "version":
            self.version = fields[0]
        elif kind == "line" and len(fields) == 3 and fields[0] in accounts:
            accounts[fields[0]].add(int(fields[1]), fields[2])
        elif kind == "end" and fields[0] in accounts:
            accounts[fields[0]].finished = True
            return fields[0]
        return None


def wait(process, seconds):
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def end_group(process):
    """Ends the process and what it has started: it leads a group of its own."""
    process.stdout.close()
    if process.poll() is None:
        wait(process, 2)
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        if wait(process, 2) and number == signal.SIGKILL:
            break
    process.wait(timeout=10)
