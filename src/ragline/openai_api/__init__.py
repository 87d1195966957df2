"""OpenAI's interface on our services: same host, same keys, the official clients unchanged."""
