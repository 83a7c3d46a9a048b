"""What a program said about one scenario, and whether two such accounts are the same."""

# A program says this of an error that the scenario does not provoke.
UNEXPECTED = "unexpected"
# A worker that got through the scenario says this last.
DONE = "done"


class Account:
    """The lines of each worker, in order, and how the scenario ended."""

    def __init__(self):
        self.lines = {}
        self.trouble = None
        self.finished = False

    def add(self, worker, text):
        self.lines.setdefault(worker, []).append(text)

    def fault(self, workers):
        """Why this account cannot be right, whatever it is compared with; None if it can."""
        for worker in sorted(self.lines):
            for text in self.lines[worker]:
                if text.startswith(UNEXPECTED):
                    return f"worker {worker}: {text}"
        if self.trouble:
            return self.trouble
        if not self.finished:
            return "did not finish"
        for worker in range(workers):
            if self.lines.get(worker, [""])[-1] != DONE:
                return f"worker {worker} is not done"
        return None


def difference(direct, pooled):
    """The first difference as text, or None."""
    for worker in sorted(direct.lines.keys() | pooled.lines.keys()):
        expected = direct.lines.get(worker, [])
        found = pooled.lines.get(worker, [])
        for index in range(max(len(expected), len(found))):
            left = expected[index] if index < len(expected) else "(no line)"
            right = found[index] if index < len(found) else "(no line)"
            if left != right:
                return f"worker {worker}, line {index + 1}: {left} directly, {right} through Sluice"
    return None


def verdict(direct, pooled, workers):
    """None for a pass, or why the scenario failed."""
    fault = direct.fault(workers)
    if fault:
        return f"directly: {fault}"
    # The trouble of a program that hangs says more than the line that is missing then.
    return pooled.fault(workers) or difference(direct, pooled)
