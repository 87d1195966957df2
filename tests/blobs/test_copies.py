"""Copies on this machine's disk."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from ragline.blobs.copies import LocalCopies
from ragline.errors import PermanentProviderError


def content(number: int) -> bytes:
    """Return 1000 bytes."""
    return bytes([number]) * 1000


def hash_of(number: int) -> str:
    """Return their hash."""
    return sha256(content(number)).hexdigest()


def use(copies: LocalCopies, number: int) -> None:
    """Use a copy for a moment."""
    with copies.hold(hash_of(number), lambda: [content(number)]):
        pass


@pytest.fixture
def copies(tmp_path: Path) -> LocalCopies:
    """Room for three."""
    made = LocalCopies(tmp_path / "copies", most_bytes=3000)
    made.prepare()
    return made


def kept(tmp_path: Path) -> set[str]:
    """Return the names of all copies."""
    return {path.name for path in (tmp_path / "copies").iterdir()}


def test_fetched_once(copies: LocalCopies) -> None:
    """Many users of one file at the same time fetch it once."""

    fetched: list[int] = []
    together = threading.Barrier(8)

    def fetch() -> Iterator[bytes]:
        fetched.append(1)
        yield content(1)

    def read(_number: int) -> bytes:
        together.wait()
        with copies.hold(hash_of(1), fetch) as path:
            return path.read_bytes()

    with ThreadPoolExecutor(8) as threads:
        assert {content(1)} == set(threads.map(read, range(8)))
    assert [1] == fetched


def test_least_recently_used_goes(copies: LocalCopies, tmp_path: Path) -> None:
    """Over the bound, the copy goes that was not used for longest."""

    for number in (1, 2, 3):
        use(copies, number)
        then = time.time() - 100 + number
        os.utime(tmp_path / "copies" / hash_of(number), (then, then))
    use(copies, 1)
    use(copies, 4)

    assert {hash_of(1), hash_of(3), hash_of(4)} == kept(tmp_path)


def test_never_while_in_use(copies: LocalCopies, tmp_path: Path) -> None:
    """Copies in use stay whole past the bound, and go when they are used no more."""

    with ExitStack() as users:
        paths = [
            users.enter_context(copies.hold(hash_of(n), lambda n=n: [content(n)])) for n in range(6)
        ]
        assert [content(n) for n in range(6)] == [path.read_bytes() for path in paths]
    copies.prepare()

    assert {hash_of(3), hash_of(4), hash_of(5)} == kept(tmp_path)


def test_in_use_by_another(copies: LocalCopies, tmp_path: Path) -> None:
    """A copy that another process over the same folder uses stays."""

    other = LocalCopies(tmp_path / "copies", most_bytes=0)
    with copies.hold(hash_of(1), lambda: [content(1)]) as path:
        other.prepare()
        other.drop(hash_of(1))
        assert content(1) == path.read_bytes()
    other.prepare()

    assert set() == kept(tmp_path)


def test_used_and_evicted_at_once(tmp_path: Path) -> None:
    """Where there is room for nothing, every user still finds a whole file."""

    copies = LocalCopies(tmp_path / "copies", most_bytes=0)
    copies.prepare()

    def read(number: int) -> bool:
        with copies.hold(hash_of(number % 3), lambda: [content(number % 3)]) as path:
            return path.read_bytes() == content(number % 3)

    with ThreadPoolExecutor(8) as threads:
        assert {True} == set(threads.map(read, range(300)))


def test_idle_copies_go(tmp_path: Path) -> None:
    """What was not used for an hour goes, however much room there is."""

    copies = LocalCopies(tmp_path / "copies")
    copies.prepare()
    use(copies, 1)
    use(copies, 2)
    then = time.time() - 3601
    os.utime(tmp_path / "copies" / hash_of(1), (then, then))
    copies.prepare()

    assert {hash_of(2)} == kept(tmp_path)


def test_damaged(copies: LocalCopies, tmp_path: Path) -> None:
    """Content that does not match its hash reaches nobody."""

    with (
        pytest.raises(PermanentProviderError, match="damaged"),
        copies.hold(hash_of(1), lambda: [content(2)]),
    ):
        pass

    assert set() == kept(tmp_path)


def test_interrupted(copies: LocalCopies, tmp_path: Path) -> None:
    """Nothing stays of a copy that could not be fetched, and the next user fetches it."""

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError("cut")

    with pytest.raises(ConnectionError), copies.hold(hash_of(1), broken):
        pass
    assert set() == kept(tmp_path)
    with copies.hold(hash_of(1), lambda: [content(1)]) as path:
        assert content(1) == path.read_bytes()


def test_emptied_by_hand(copies: LocalCopies, tmp_path: Path) -> None:
    """A cache whose folder was removed is made again."""

    (tmp_path / "copies").rmdir()
    use(copies, 1)

    assert {hash_of(1)} == kept(tmp_path)
