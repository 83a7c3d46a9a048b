"""Reads callgrind's output: cost of each function, and how often each was called."""

import re

NAME = re.compile(r"^(c?fn)=\((\d+)\)(?: (.*))?$")


class Profile:
    """`self_cost` and `calls` are by function name; recursion levels ('2) are put together."""

    def __init__(self, total, self_cost, calls):
        self.total = total
        self.self_cost = self_cost
        self.calls = calls

    def minus(self, other):
        """What this run did more than the other."""
        return Profile(
            self.total - other.total,
            _difference(self.self_cost, other.self_cost),
            _difference(self.calls, other.calls))

    def calls_of(self, *names):
        return sum(self.calls.get(name, 0) for name in names)


def _difference(one, other):
    return {name: one.get(name, 0) - other.get(name, 0) for name in one.keys() | other.keys()}


def read(path):
    names, self_cost, calls = {}, {}, {}
    own = called = None
    total = 0
    skip_cost = False
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            first = line[0]
            if first.isdigit() or first in "+-*":
                if skip_cost:
                    # The line behind `calls=` is what the callee cost, not the function itself.
                    skip_cost = False
                    continue
                fields = line.split()
                if own is not None and len(fields) > 1:
                    self_cost[own] = self_cost.get(own, 0) + int(fields[1])
            elif first in "fc" and (match := NAME.match(line.rstrip("\n"))):
                kind, number, name = match.groups()
                if name is not None:
                    names[number] = re.sub(r"'\d+$", "", name)
                if kind == "fn":
                    own = names[number]
                else:
                    called = names[number]
            elif line.startswith("calls="):
                calls[called] = calls.get(called, 0) + int(line[6:].split()[0])
                skip_cost = True
            elif line.startswith(("totals:", "summary:")):
                total = int(line.split()[1])
    if total == 0:
        raise SystemExit("callgrind's output has no total: the program did not end in order")
    return Profile(total, self_cost, calls)
