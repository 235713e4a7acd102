"""Run a package's own tests with our module in its place; by path, so that `tests` is the package's.

    python injected.py PACKAGE DIRECTORY MODULE...

prints one JSON object: how many ran, and which failed or were skipped, and why.
"""

from __future__ import annotations

import importlib
import json
import sys
import unittest


class Counting(unittest.TextTestResult):
    """Counts the tests that came to an end: ``testsRun`` of Python 3.12.1 alone leaves out those that are skipped."""

    ended = 0

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        super().stopTest(test)
        self.ended += 1


def main(package: str, directory: str, modules: list[str]) -> None:
    sys.path[0] = directory
    if package != "none":
        sys.modules[package] = importlib.import_module(f"usernel_client.compat.{package}")
    suite = unittest.defaultTestLoader.loadTestsFromNames(modules)
    result = unittest.TextTestRunner(sys.stderr, verbosity=2, resultclass=Counting).run(suite)
    failed = {test.id(): trace.strip().rpartition("\n")[2] for test, trace in result.failures + result.errors}
    skipped = {test.id(): why for test, why in result.skipped}
    print(json.dumps({"run": result.ended, "failed": failed, "skipped": skipped}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
