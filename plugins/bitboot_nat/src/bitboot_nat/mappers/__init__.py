"""One port mapper for each method."""
