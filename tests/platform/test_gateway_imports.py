"""The gateway starts without Django: memory and start-up time, and nothing of the control plane in its way."""

import subprocess
import sys


def test_the_gateway_imports_no_django():
    code = "import sys, automate_platform.gateway, automate_platform.cli.gateway; print('django' in sys.modules)"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said.strip() == "False"
