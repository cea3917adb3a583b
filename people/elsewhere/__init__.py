"""Galleries whose faces a remote service keeps and searches: what is there, what is to be done there, and asking it."""
