"""Ragline: a self-hosted asynchronous RAG server."""
