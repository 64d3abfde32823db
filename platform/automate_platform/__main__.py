"""`python -m automate_platform` is the `automate` command."""

import sys

from automate_platform.cli import main

sys.exit(main())
