"""One network in use: its backend at arm's length, in touch or not, and the contacts kept for next time."""
