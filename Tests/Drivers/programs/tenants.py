"""Units of work of mixed tenants: which there are, and what must hold of each.

Rows are in tenants.note, under row-level security. Each says twice whose it is: `tenant_id` is what
the server has set, `own` what the unit of work knows.
"""

import contextvars
import os
import random
import uuid

TENANTS = os.environ["TENANTS"].split()
REFUSED = os.environ["REFUSED"]
# What is behind the comma in the driver's name.
BACKEND = os.environ["DRIVER"].split(", ", 1)[1]
_RUN = str(uuid.uuid4())
# More threads than connections, so that each connection serves all tenants.
POOL_SIZE = 3
UNITS = 24

# How a unit of work ends: `foreign` tries to write a row of another tenant.
_FATES = ("commit", "commit", "commit", "rollback", "error", "foreign")

# As a web framework's middleware leaves it for what comes behind.
current = contextvars.ContextVar("tenant", default=None)


class ForeignRow(Exception):
    pass


def run_of(scenario):
    """What a scenario's rows have in common in this run."""
    return f"{_RUN} {scenario}"


class Unit:
    def __init__(self, scenario, worker, turn=0, tenant=TENANTS[0], fate="commit"):
        self.run = run_of(scenario)
        self.worker = worker
        self.turn = turn
        self.tenant = tenant
        self.fate = fate

    @property
    def other(self):
        return TENANTS[(TENANTS.index(self.tenant) + 1) % len(TENANTS)]

    def row(self, **values):
        return {
            "own": self.tenant, "run": self.run, "worker": self.worker, "turn": self.turn,
            **values}

    def check(self, owners):
        """`owners` are the pairs of tenant_id and own in what has been read or written."""
        for owner in owners:
            if tuple(owner) != (self.tenant, self.tenant):
                raise ForeignRow(f"{self.tenant} got a row of {owner[0]}, written by {owner[1]}")


def units(worker):
    """A worker's units of work; the same in every run."""
    chance = random.Random(f"{worker.scenario} {worker.number}")
    for turn in range(UNITS):
        yield Unit(
            worker.scenario, worker.number, turn, chance.choice(TENANTS), chance.choice(_FATES))


def audit_query(scenario, number):
    return (
        f"SELECT own, rows, touched, strange FROM tenants.audit('{run_of(scenario)}', {number})")


def audit(worker, rows):
    """What there is of the worker's, seen by who sees all."""
    for own, count, touched, strange in rows:
        worker.say("audit", own, count, int(touched))
        if strange:
            raise ForeignRow(f"{strange} rows that {own} wrote are another tenant's")
