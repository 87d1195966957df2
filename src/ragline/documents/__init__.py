"""Upload, status, reading and deletion of documents."""
