"""Child processes with limits, for code that can crash or hog."""
