"""What was checked, one line each; a check that fails does not end the run."""

import sys
import time
import traceback


class Report:
    def __init__(self, name):
        self.name = name
        self.failures = []
        self.count = 0
        self.begin = time.monotonic()

    def say(self, text):
        print(f"{self.name}: {text}", flush=True)

    def check(self, sentence, holds, detail=""):
        self.count += 1
        if not holds:
            self.failures.append(sentence)
            self.say(f"FAILED: {sentence}" + (f": {str(detail)[:1500]}" if detail else ""))

    def part(self, sentence, body):
        """One part of the run; an exception in it is its failure."""
        begin = time.monotonic()
        failed = len(self.failures)
        self.count += 1
        try:
            body()
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append(sentence)
            last = traceback.extract_tb(error.__traceback__)[-1]
            self.say(f"FAILED: {sentence}: {str(error)[:1500]} ({last.name}, line {last.lineno})")
        state = "ok" if len(self.failures) == failed else "not ok"
        self.say(f"{state}: {sentence} ({time.monotonic() - begin:.1f} s)")

    def end(self):
        seconds = time.monotonic() - self.begin
        self.say(f"{self.count} checks, {len(self.failures)} failed, {seconds:.0f} s")
        sys.exit(1 if self.failures else 0)
