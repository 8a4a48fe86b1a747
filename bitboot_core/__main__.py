"""`python -m bitboot_core`: the command `bitboot`."""

import sys

from .cli import main

sys.exit(main())
