"""The Model Context Protocol face: tools and resources for language models, on our services."""
