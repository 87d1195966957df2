"""Adapters that keep the searchable index."""
