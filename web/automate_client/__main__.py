"""`python -m automate_client`: the client without the operators' commands."""

import sys

from automate_client.commands import main

sys.exit(main())
