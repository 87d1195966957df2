"""The text of a BibTeX file → its entries, in time that grows with its length alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from bibtexparser.bibdatabase import COMMON_STRINGS

# An entry begins its line: where one was never closed, the next one ends it.
_START = re.compile(r"(?m)^[ \t]*@[ \t]*(?=\w+\s*[{(])")
_HEAD = re.compile(r"@\s*(\w+)\s*([{(])")
_KEY = re.compile(r"\s*([^\s,={}\"#]*)\s*(?=,|[})])")
_NAME = re.compile(r"[\s,]*([^\s,={}\"#()]+)\s*=\s*")
_BARE = re.compile(r"[^\s,={}\"#()]+")
_JOIN = re.compile(r"\s*#\s*")
_END = re.compile(r"[\s,]*[})]")
_BRACE = re.compile(r"[{}]")
_BRACE_OR_QUOTE = re.compile(r"[{}\"]")
_LONGEST = 500_000
_MOST_MACROS = 10_000
_LONGEST_MACRO = 5_000

Entry = dict[str, str]


class _Broken(Exception):
    """An entry does not go on as it should; the message says how."""


def entries_of(text: str) -> Iterator[Entry | str]:
    """Yield each entry's fields by name, or a sentence on why it cannot be read.

    The entry's type stands in `ENTRYTYPE`, its key in `ID`. Macros are replaced by what they
    stand for, those that nobody defined by their names.
    """
    macros = {name.lower(): value for name, value in COMMON_STRINGS.items()}
    starts = [found.start() for found in _START.finditer(text)]
    line, counted = 1, 0
    for start, end in pairwise([*starts, len(text)]):
        line, counted = line + text.count("\n", counted, start), start
        if end - start > _LONGEST:
            yield f"The entry in line {line} is too long to be one."
            continue
        try:
            yield from _Block(text[start:end], macros).entries()
        except _Broken as error:
            yield f"The entry in line {line} cannot be read: {error}."


class _Block:
    """The text from one entry to the next, read from its beginning on."""

    def __init__(self, text: str, macros: dict[str, str]) -> None:
        self._text = text
        self._macros = macros
        self._at = 0

    def entries(self) -> Iterator[Entry]:
        """Yield the entries: one, or several that stand in one line."""
        while found := _HEAD.search(self._text, self._at):
            kind = found[1].lower()
            self._at = found.end()
            if kind == "comment":
                return
            if kind == "preamble":
                self._value()
            elif kind == "string":
                self._define()
            else:
                yield self._entry(kind)

    def _entry(self, kind: str) -> Entry:
        key = _KEY.match(self._text, self._at)
        if key:
            self._at = key.end()
        entry = {"ENTRYTYPE": kind, "ID": key[1] if key else ""}
        while not self._take(_END):
            name = self._take(_NAME)
            if name is None:
                raise _Broken("its brackets do not match, or a field has no value")
            # The first of two fields of one name counts, as for BibTeX.
            entry.setdefault(name[1].lower(), self._value())
        return entry

    def _define(self) -> None:
        name = self._take(_NAME)
        if name is None:
            raise _Broken("a macro has no name")
        value = self._value()[:_LONGEST_MACRO]
        if len(self._macros) < _MOST_MACROS:
            self._macros[name[1].lower()] = value
        self._take(_END)

    def _value(self) -> str:
        parts = [self._part()]
        while self._take(_JOIN):
            parts.append(self._part())
        value = "".join(parts)
        if len(value) > 2 * _LONGEST:
            raise _Broken("a field is too long")
        return value.strip()

    def _part(self) -> str:
        mark = self._text[self._at : self._at + 1]
        if mark == "{":
            return self._until(_BRACE, "}")
        if mark == '"':
            return self._until(_BRACE_OR_QUOTE, '"')
        bare = self._take(_BARE)
        if bare is None:
            raise _Broken("a field has no value")
        return self._macros.get(bare[0].lower(), bare[0])

    def _until(self, marks: re.Pattern[str], closing: str) -> str:
        """Return what stands up to the closing mark that belongs to the one at this place."""
        start = self._at + 1
        depth = 0
        for found in marks.finditer(self._text, start):
            if found[0] == closing and depth == 0:
                self._at = found.end()
                return self._text[start : found.start()]
            depth += {"{": 1, "}": -1}.get(found[0], 0)
        raise _Broken("its brackets do not match")

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found
