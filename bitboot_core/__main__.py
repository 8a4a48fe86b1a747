"""`python -m bitboot_core`: the command `bitboot`."""

import sys

from ._cli import main

sys.exit(main())
