"""What private swarms cost, and whether outsiders get anything out of a member."""
