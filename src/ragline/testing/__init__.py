"""Conformance suites and fakes for authors of providers."""
