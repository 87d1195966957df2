"""Which collection, store and model a project is searched with, and how an index is filled."""
