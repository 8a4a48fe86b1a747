"""What the command line tells: events, and where they go."""
