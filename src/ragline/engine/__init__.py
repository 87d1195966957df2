"""Our face on the durable engine; the only importer of DBOS."""
