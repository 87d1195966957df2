"""Bibliographic references: read from their formats, matched with files, written as citations."""
