"""The `ragline` command: thin commands over the client library."""
