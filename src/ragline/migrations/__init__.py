"""The database schema's history, applied by `ragline migrate` or at start."""
