"""What the commands share: arguments, and the build of pgload and fakebackend."""

import argparse
import os
import subprocess
import sys

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def words(allowed):
    """A parser of words with commas between, each one of those allowed."""
    def parse(text):
        chosen = [word for word in text.split(",") if word]
        for word in chosen:
            if word not in allowed:
                raise argparse.ArgumentTypeError(f"{word} is none of {', '.join(allowed)}")
        return chosen
    return parse


def numbers(text):
    return [int(word) for word in text.split(",")]


def build_tools(directory):
    """Builds them where one is missing; a later change of theirs is the caller's to build."""
    programs = [os.path.join(directory, name) for name in ("pgload", "fakebackend")]
    if not all(os.path.exists(program) for program in programs):
        subprocess.run(
            ["swift", "build", "-c", "release", "--package-path", PACKAGE],
            check=True, stdout=sys.stderr)
