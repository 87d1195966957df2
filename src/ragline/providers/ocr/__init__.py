"""Engines that read pages from pictures of them."""
