"""`python -m tests`: every test, two at a time. Further arguments go to pytest."""

from __future__ import annotations

import sys

import pytest

WORKERS = "2"

if __name__ == "__main__":
    arguments = sys.argv[1:] or ["-n", WORKERS, "--dist", "loadgroup", "--no-loadscope-reorder", "-q"]
    sys.exit(pytest.main(arguments))
