"""Adapters that answer a question from passages."""
