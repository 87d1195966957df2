"""Adapters to the services that keep reference libraries."""
