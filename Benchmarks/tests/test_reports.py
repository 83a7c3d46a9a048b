"""The reading of callgrind's output and the ratios of the report."""

import os
import tempfile
import unittest

from harness import callgrind, report

OUTPUT = """\
positions: line
events: Ir
fl=(1) a.c
fn=(1) main
10 100
+1 5
cfi=(1)
cfn=(2) malloc
calls=7 0
12 7000
fn=(2)
20 700
fn=(3) walk'2
cfn=(2)
calls=3 0
* 300
- 9
totals: 814
"""


class CallgrindTests(unittest.TestCase):
    def test_costs_and_calls_are_by_function(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "out")
            with open(path, "w", encoding="utf-8") as file:
                file.write(OUTPUT)
            profile = callgrind.read(path)
        self.assertEqual(profile.total, 814)
        self.assertEqual(profile.self_cost, {"main": 105, "malloc": 700, "walk": 9})
        self.assertEqual(profile.calls_of("malloc", "free"), 10)


class RatioTests(unittest.TestCase):
    def test_a_ratio_is_taken_within_its_round(self):
        records = [
            {"round": 1, "name": "PgBouncer", "value": 10},
            {"round": 1, "name": "Sluice", "value": 5},
            {"round": 2, "name": "PgBouncer", "value": 100},
            {"round": 2, "name": "Sluice", "value": 80},
        ]
        found = report.ratios(records, "Sluice", lambda record: record["value"])
        self.assertEqual(found, [0.5, 0.8])


if __name__ == "__main__":
    unittest.main()
