"""The comparison must be able to fail: programs that lie, fall silent, hang or crash are caught."""

import sys

from .compare import verdict
from .programs import Program
from .servers import WORKERS

# What each worker says, the end, and what then happens, of a program that behaves, or does not.
_PROGRAM = """
import sys, time
how, scenarios = sys.argv[1], sys.argv[2:]
for scenario in scenarios:
    bad = how if scenario == "second" else ""
    for worker in range(8):
        if bad == "silent" and worker == 7:
            continue
        if bad == "error" and worker == 5:
            print("line", scenario, worker, "unexpected: OperationalError", sep="\\t")
        for number in range(4):
            if bad == "short" and (worker, number) == (6, 2):
                continue
            wrong = bad == "wrong" and (worker, number) == (3, 2)
            text = "a wrong line" if wrong else f"{scenario} {worker} {number}"
            print("line", scenario, worker, "done" if number == 3 else text, sep="\\t")
    sys.stdout.flush()
    if bad == "crash":
        sys.exit(3)
    if bad == "hang":
        time.sleep(30)
    print("end", scenario, sep="\\t", flush=True)
"""

_SCENARIOS = ("first", "second", "third")
_EXPECTED = {
    "wrong": "worker 3, line 3: second 3 2 directly, a wrong line through Sluice",
    "short": "worker 6, line 3: second 6 2 directly, done through Sluice",
    "silent": "worker 7 is not done",
    "error": "worker 5: unexpected: OperationalError",
    "crash": "the program ended with status 3",
    "hang": "hang: nothing for 3 seconds",
}


def self_check():
    """What is wrong with the comparison, or None."""
    honest = _accounts("honest", 10)
    for name in _SCENARIOS:
        reason = verdict(honest[name], _accounts("honest", 10)[name], WORKERS)
        if reason:
            return f"an equal account failed: {reason}"
    for how, expected in _EXPECTED.items():
        accounts = _accounts(how, 3 if how == "hang" else 10)
        for name in _SCENARIOS:
            reason = verdict(honest[name], accounts[name], WORKERS)
            if reason != (expected if name == "second" else None):
                return f"{how}, {name}: {reason}"
        reason = verdict(accounts["second"], honest["second"], WORKERS)
        if not reason:
            return f"{how}, directly: not noticed"
    return None


def _accounts(how, limit_seconds):
    command = [sys.executable, "-c", _PROGRAM, how]
    return Program(command, 0, limit_seconds).accounts(_SCENARIOS)
