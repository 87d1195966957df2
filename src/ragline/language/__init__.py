"""Languages, sentences and terms of a text."""
