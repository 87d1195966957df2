"""Adapters that read files into pages of text."""
