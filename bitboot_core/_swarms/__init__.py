"""What is done in swarms: announcing, looking up, watching, and the keys that swarms live under."""
