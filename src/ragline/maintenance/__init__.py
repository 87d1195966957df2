"""Keeping a server clean: old rows, strays of crashes, and figures for those who watch."""
