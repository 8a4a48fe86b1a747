"""Answering others: queries, write tokens, the peers announced here."""
