"""The calls of the HTTP contract, a module for each feature; see `client.py` for their names."""
