"""Imported only by the process that compute children are forked from.

What is loaded here, children share instead of loading it each: a replaced child is ready
in 50 ms instead of 2 s, and the weights are in memory once.
"""

from __future__ import annotations

from ragline.language.detect import detect_language
from ragline.providers import registry
from ragline.settings import load_settings

detect_language("A sentence whose language is asked for loads the model.")
_settings = load_settings()
registry.embedder(_settings.own_embedder, _settings).prepare()
