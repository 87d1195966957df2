"""The typed client library, which our own command line uses."""
