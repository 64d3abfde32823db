"""`python -m tests`: every test, two at a time. Further arguments go to pytest instead."""

from __future__ import annotations

import sys

import pytest

WORKERS = "2"


def main() -> int:
    return int(pytest.main(sys.argv[1:] or ["-n", WORKERS, "--dist", "loadgroup", "-q"]))


if __name__ == "__main__":
    sys.exit(main())
