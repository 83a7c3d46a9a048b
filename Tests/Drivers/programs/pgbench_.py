"""pgbench in its three query modes: eight clients, each in a process of its own or all in one."""

import os
import subprocess
import sys

COUNT = int(os.environ.get("WORKERS", "8"))
TRANSACTIONS = 60
PGBENCH, PSQL, *SCENARIOS = sys.argv[1:]

# The bank's books must balance, whatever the random numbers were.
BALANCE = """
SELECT (SELECT count(*) FROM pgbench_history),
  (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history),
  (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history),
  (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)
"""


def tell(*fields):
    print(*fields, sep="\t", flush=True)


def run(command):
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)
    return done.returncode, done.stdout.strip().splitlines()


def say(scenario, text):
    """All eight clients are one program's, so each of the workers has its result."""
    for worker in range(COUNT):
        tell("line", scenario, worker, text)


def summary(lines):
    """What of pgbench's report does not depend on time, and its complaints."""
    kept = ("number of transactions actually", "number of failed", "query mode", "pgbench: error",
            "pgbench: fatal")
    return [line for line in lines if line.startswith(kept)]


def benchmark(scenario, *options):
    status, lines = run(
        [PGBENCH, "-n", "-M", scenario, "-c", str(COUNT), "-j", str(COUNT), "-t", str(TRANSACTIONS),
         "--random-seed", "7", *options])
    if status:
        say(scenario, f"unexpected: status {status}: {(summary(lines) or lines[-1:])[:1]}")
    for line in summary(lines):
        say(scenario, line)


tell("version", run([PGBENCH, "--version"])[1][0].split()[2])
for scenario in SCENARIOS:
    status, lines = run([PGBENCH, "-i", "-q", "-s", "1"])
    if status:
        say(scenario, f"unexpected: pgbench -i ends with status {status}: {lines[-1:]}")
    benchmark(scenario)
    for line in run([PSQL, "-X", "-A", "-t", "-c", BALANCE])[1]:
        say(scenario, line)
    benchmark(scenario, "-S")
    benchmark(scenario, "-N", "-C")
    say(scenario, "done")
    tell("end", scenario)
