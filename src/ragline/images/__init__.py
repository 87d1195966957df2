"""Product images: kept, embedded, and found by image, text or both."""
