"""The results as a table, for a terminal or as Markdown."""

PASS, FAIL, SKIP, NONE = "pass", "FAIL", "skip", ""


class Results:
    def __init__(self, scenarios):
        self.scenarios = scenarios
        self.drivers = []
        self.cells = {}
        self.reasons = {}
        self.versions = {}

    def set(self, driver, scenario, cell, reason=None):
        if driver not in self.drivers:
            self.drivers.append(driver)
        self.cells[driver, scenario] = cell
        if reason:
            self.reasons[driver, scenario] = reason

    def count(self, kind):
        return sum(cell == kind for cell in self.cells.values())

    def rows(self):
        for scenario in self.scenarios:
            cells = [self.cells.get((driver, scenario), NONE) for driver in self.drivers]
            if any(cells):
                yield [scenario, *cells]

    def failures(self):
        return [
            f"FAIL {driver}, {scenario}: {reason}"
            for (driver, scenario), reason in self.reasons.items()
            if self.cells[driver, scenario] == FAIL]

    def heading(self):
        return ["scenario", *self.drivers]


def summary(tables):
    passed, failed, skipped = (
        sum(results.count(kind) for results in tables) for kind in (PASS, FAIL, SKIP))
    return f"{passed} passed, {failed} failed, {skipped} skipped"


def plain(results):
    rows = [results.heading(), *results.rows()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def markdown(results):
    marks = {PASS: "yes", FAIL: "**no**", SKIP: "not tested", NONE: ""}
    lines = []

    def add(cells):
        lines.append("| " + " | ".join(cells) + " |")

    add(results.heading())
    add(["---"] * len(results.heading()))
    if results.versions:
        add(["version", *(results.versions.get(driver, "") for driver in results.drivers)])
    for scenario, *cells in results.rows():
        add([scenario, *(marks[cell] for cell in cells)])
    return "\n".join(lines)
