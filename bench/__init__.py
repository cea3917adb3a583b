"""Measurements of the whole service. `make bench` runs all of them, prints one table and saves it."""
