"""Models that read a question together with each passage."""
