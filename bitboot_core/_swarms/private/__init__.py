"""Private swarms: members find and prove each other, and outsiders learn nothing."""
