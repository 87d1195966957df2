"""Doctor: compares rows, files and vectors, explains each difference, and repairs on request."""
