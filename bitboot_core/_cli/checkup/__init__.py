"""What `bitboot doctor` checks."""
