"""What the files of these tests say."""

from __future__ import annotations

TIDES = "The tide turns twice a day because the moon pulls at the sea."
BREAD = "Bread rises because yeast turns sugar into gas; salt slows it down."
STARS = "Stars shine because hydrogen becomes helium in their cores."
NOT_READABLE = b"\x00\x01\x02\xff" * 100
