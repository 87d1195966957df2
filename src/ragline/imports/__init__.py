"""Imports: folders, archives, tables and reference libraries become documents."""
