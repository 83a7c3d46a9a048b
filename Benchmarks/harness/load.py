"""Runs pgload."""

import json
import os
import subprocess

from .workspace import pin


class Pgload:
    def __init__(self, tools, cpus=None):
        self.program = os.path.join(tools, "pgload")
        self.cpus = cpus

    def run(self, running, mode, clients, timeout=300, **options):
        """What pgload measured. An error of any transaction ends the run: figures of a pooler
        that fails are of no use."""
        command = self._command(running.port, mode, clients, options) + ["--json"]
        if running.pid:
            command += ["--watch-pid", str(running.pid)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=False,
            preexec_fn=pin(self.cpus))
        if done.returncode != 0:
            raise SystemExit(f"{running.name}, {mode}: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        if result["errors"]:
            raise SystemExit(
                f"{running.name}, {mode}: {result['errors']} errors, the first:"
                f" {result['firstError']}")
        return result

    def hold(self, running, clients, touch=False):
        """Idle clients, logged in; close the result's standard input to let them go."""
        command = self._command(running.port, "idle", clients, {})
        if touch:
            command.append("--touch")
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        if not process.stdout.readline():
            raise SystemExit(f"{running.name}, idle: {process.stderr.read().strip()}")
        return process

    def _command(self, port, mode, clients, options):
        command = [self.program, "--port", str(port), "--mode", mode, "--clients", str(clients)]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        return command
