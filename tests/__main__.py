"""`python -m tests`: every test, two at a time. Further arguments go to pytest.

Tests of real processes share two cores with each other. One that fails beside others is run once more, alone, and said
aloud: if it fails again, it has failed.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

WORKERS = "2"
ALONE = ("-m", "pytest", "--last-failed", "--last-failed-no-failures", "none", "-q")


def main() -> int:
    arguments = sys.argv[1:]
    code = int(pytest.main(arguments or ["-n", WORKERS, "--dist", "loadgroup", "-q"]))
    if arguments or code != pytest.ExitCode.TESTS_FAILED:
        return code
    print("!!! SOME TESTS FAILED BESIDE OTHERS (see above). ONCE MORE, ALONE:", flush=True)
    return 0 if subprocess.call([sys.executable, *ALONE]) == 0 else code


if __name__ == "__main__":
    sys.exit(main())
