"""Which of the files at hand an attachment means."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ragline.references.file_names import accentless, folded, letters, parts_of, within
from ragline.references.records import Attachment

How = Literal["path", "name", "normalised", "distance"]

MOST_TYPOS = 2
# Where more names than this look alike, their likeness says nothing.
_MOST_ALIKE = 200

Key = tuple[str, int, int, str]


@dataclass(frozen=True)
class Found:
    """A file, by its path as it was given, and how it was found."""

    path: str
    how: How


class Files:
    """Relative POSIX paths, to be asked for by what attachments say.

    Ways are tried from the surest to the least sure: the path, the name, the name without
    case, accents and signs, the name with up to two letters changed. In each, the file with
    the most folders in common is taken; where two are as good, neither is.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.paths = list(dict.fromkeys(names))
        self._parts = {path: parts_of(path) for path in self.paths}
        self._by_path: dict[str, list[str]] = defaultdict(list)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_letters: dict[str, list[str]] = defaultdict(list)
        self._by_third: dict[Key, list[str]] = defaultdict(list)
        for path, parts in self._parts.items():
            if parts:
                self._add(path, parts)

    def find(self, attachment: Attachment) -> Found | None:
        """Return the one file an attachment means; None where there is none or more than one."""
        how, best = self._best(attachment)
        return Found(best[0], how) if len(best) == 1 else None

    def assign(self, attachments: Sequence[Attachment]) -> list[Found | None]:
        """Return the file of each attachment, looking at all of them together.

        A file that one attachment names by its path, or by its name and sub-folder, goes to
        no other that is merely like it; and what is merely like several goes to none.
        """
        found = [self.find(attachment) for attachment in attachments]
        sure: set[str] = set()
        claims: dict[str, set[str]] = defaultdict(set)
        for attachment, each in zip(attachments, found, strict=True):
            if each and self._is_sure(attachment, each):
                sure.add(each.path)
            elif each:
                claims[each.path].add(attachment.path or "")
        return [
            each
            if each
            and (
                self._is_sure(attachment, each)
                or (each.path not in sure and len(claims[each.path]) == 1)
            )
            else None
            for attachment, each in zip(attachments, found, strict=True)
        ]

    def why(self, attachment: Attachment) -> str:
        """Return a sentence on why an attachment was given no file."""
        named = (attachment.path or attachment.title or attachment.url or "")[:300]
        _how, best = self._best(attachment)
        if len(best) > 1:
            listed = ", ".join(sorted(best)[:3])
            return f"Several files could be the attachment “{named}”: {listed}."
        if best:
            return f"The file nearest to “{named}”, {best[0]}, is another attachment's."
        return f"No file was found for the attachment “{named}”."

    def _add(self, path: str, parts: Sequence[str]) -> None:
        self._by_path["/".join(map(_same_form, parts))].append(path)
        self._by_name[_same_form(parts[-1])].append(path)
        plain = letters(parts[-1])
        if plain not in self._by_letters:
            for key in _thirds(plain):
                self._by_third[key].append(plain)
        self._by_letters[plain].append(path)

    def _best(self, attachment: Attachment) -> tuple[How, list[str]]:
        """Return the files that the surest way finds, the nearest ones of them."""
        wanted = parts_of(attachment.path or "")
        for how, candidates in self._ways(wanted):
            if candidates:
                return how, self._nearest(candidates, wanted)
        return "path", []

    def _ways(self, wanted: Sequence[str]) -> Iterator[tuple[How, Sequence[str]]]:
        """Yield each way of finding a file with what it finds."""
        if not wanted:
            return
        name, plain = wanted[-1], letters(wanted[-1])
        yield "path", self._by_path.get("/".join(map(_same_form, wanted)), ())
        yield "name", self._by_name.get(_same_form(name), ())
        if plain.startswith("."):
            return
        alike = self._by_letters.get(plain, ())
        for form in (folded, accentless):
            yield "normalised", [p for p in alike if form(self._parts[p][-1]) == form(name)]
        yield "normalised", alike
        yield "distance", self._misspelt(plain)

    def _misspelt(self, plain: str) -> list[str]:
        """Return the files whose letters differ least, by two at the most.

        Only names that share a third, at nearly the same place, are compared: two changes
        leave at least one of three thirds as it is.
        """
        stem, _, ending = plain.rpartition(".")
        by_distance: dict[int, list[str]] = defaultdict(list)
        similar, certain = self._similar(plain)
        typos = min(most_typos(stem), certain)
        for other in similar if typos else ():
            other_stem = other.removesuffix(f".{ending}")
            if _numbers_agree(stem, other_stem):
                distance = within(stem, other_stem, typos)
                by_distance[MOST_TYPOS + 1 if distance is None else distance].append(other)
        nearest = min(by_distance, default=MOST_TYPOS + 1)
        if nearest > MOST_TYPOS:
            return []
        return [path for other in by_distance[nearest] for path in self._by_letters[other]]

    def _similar(self, plain: str) -> tuple[set[str], int]:
        """Return the names that share a third, and how many typos these cover for certain.

        Thirds that too many share are passed over. With one typo two thirds stay as they are,
        so that whoever is that near is still seen by the other one; with two nobody knows.
        """
        others: set[str] = set()
        passed_over: set[int] = set()
        for key in _moved_thirds(plain):
            sharing = self._by_third.get(key, ())
            if len(sharing) > _MOST_ALIKE:
                passed_over.add(key[2])
            else:
                others.update(sharing)
        return others, max(MOST_TYPOS - len(passed_over), 0)

    def _nearest(self, candidates: Sequence[str], wanted: Sequence[str]) -> list[str]:
        """Return the candidates that share the most folders with the path that was wanted."""
        if len(candidates) < 2:
            return list(candidates)
        folders = [_shared(self._parts[path], wanted) for path in candidates]
        best = max(folders)
        return [path for path, shared in zip(candidates, folders, strict=True) if shared == best]

    def _is_sure(self, attachment: Attachment, found: Found) -> bool:
        """Tell whether a file was named exactly: its path, or its name and sub-folder."""
        if found.how != "name":
            return found.how == "path"
        own, asked = self._parts[found.path], parts_of(attachment.path or "")
        shorter = min(len(own), len(asked))
        return shorter > 1 and own[-shorter:] == asked[-shorter:]


def most_typos(stem: str) -> int:
    """Return how many letters of a name may be wrong: in a short one they make another name."""
    return 0 if len(stem) < 3 else 1 if len(stem) < 5 else MOST_TYPOS


def _numbers_agree(first: str, second: str) -> bool:
    """Tell whether the digits of two names may mean the same: `2019` is no misspelt `2020`.

    One may have more at its end, as copies do.
    """
    one, other = (_NO_DIGITS.sub("", stem) for stem in (first, second))
    return one.startswith(other) or other.startswith(one)


_NO_DIGITS = re.compile(r"[^0-9]+")


def _same_form(name: str) -> str:
    """Return a name in one Unicode form; its case stays."""
    return unicodedata.normalize("NFC", name)


def _shared(parts: Sequence[str], wanted: Sequence[str]) -> tuple[int, int]:
    """Return how many folders before the name agree: in a row from the name, and in all."""
    own, asked = [folded(part) for part in parts[:-1]], [folded(part) for part in wanted[:-1]]
    row = 0
    for first, second in zip(reversed(own), reversed(asked), strict=False):
        if first != second:
            break
        row += 1
    return row, len(set(own) & set(asked))


def _cuts(length: int) -> tuple[tuple[int, int], ...]:
    """Return where the three thirds of a name of this length begin and end."""
    step = length // 3
    return (0, step), (step, 2 * step), (2 * step, length)


def _thirds(plain: str) -> Iterator[Key]:
    stem, _, ending = plain.rpartition(".")
    for number, (start, end) in enumerate(_cuts(len(stem))):
        yield ending, len(stem), number, stem[start:end]


def _moved_thirds(plain: str) -> Iterator[Key]:
    """Yield the thirds that a name two letters longer, shorter or other may have in common."""
    stem, _, ending = plain.rpartition(".")
    for length in range(max(len(stem) - MOST_TYPOS, 3), len(stem) + MOST_TYPOS + 1):
        for number, (start, end) in enumerate(_cuts(length)):
            for at in range(max(start - MOST_TYPOS, 0), start + MOST_TYPOS + 1):
                yield ending, length, number, stem[at : at + end - start]
