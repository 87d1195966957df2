"""A document's way from stored file to searchable passages, one file per step."""
