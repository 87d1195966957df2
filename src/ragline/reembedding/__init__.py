"""Re-embedding: another model or store for a project that answers all the while."""
