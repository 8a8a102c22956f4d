"""On which line each key of a TOML text stands, so that an error can point there. For text that tomllib accepts."""

from __future__ import annotations

import re
from collections.abc import Sequence

Path = tuple[str | int, ...]
"""Keys and list positions from the top: ("rule", 2, "when", "remote", 0)."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
_BLANK = re.compile(r"[ \t]*")
_PLAIN = re.compile(r"[^,\]\}#\r\n]*")
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(["\\bfnrte]))')
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "e": "\x1b", '"': '"', "\\": "\\"}


def positions(text: str) -> dict[Path, int]:
    """The line (1 is the first) of every key, table and list entry."""
    scan = _Scan(text)
    scan.document()
    return scan.found


def line_of(found: dict[Path, int], path: Sequence[str | int]) -> int:
    """The line of this path, or of the nearest thing around it that has one; 1 where nothing is known."""
    for length in range(len(path), 0, -1):
        line = found.get(tuple(path[:length]))
        if line is not None:
            return line
    return 1


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.found: dict[Path, int] = {}
        self._counted = 0
        self._line = 1
        self._lists: dict[Path, int] = {}  # [[table]] -> how many so far

    def document(self) -> None:
        table: Path = ()
        while True:
            self._skip(_SPACE)
            if self.at >= len(self.text):
                return
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        line = self._here()
        listed = self.text.startswith("[[", self.at)
        self.at += 2 if listed else 1
        keys = self._keys()
        self.at += 2 if listed else 1
        path: Path = ()
        for key in keys[:-1]:
            path = self._inside((*path, key))
        path = (*path, keys[-1])
        self.found.setdefault(path, line)
        if listed:
            self._lists[path] = self._lists.get(path, -1) + 1
            path = (*path, self._lists[path])
            self.found[path] = line
        return path

    def _inside(self, path: Path) -> Path:
        """A path through a list of tables means its newest one."""
        return (*path, self._lists[path]) if path in self._lists else path

    def _pair(self, table: Path) -> None:
        line = self._here()
        path = table
        for key in self._keys():
            path = (*path, key)
            self.found.setdefault(path, line)
        self.at += 1  # the =
        self._skip(_BLANK)
        self._value(path)

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_BLANK)
            keys.append(self._key())
            self._skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return keys
            self.at += 1

    def _key(self) -> str:
        if self.text[self.at : self.at + 1] in ('"', "'"):
            return self._string()
        match = _BARE.match(self.text, self.at)
        if match is None:
            raise ValueError(f"no key on line {self._here()}")
        self.at = match.end()
        return match[0]

    def _value(self, path: Path) -> None:
        first = self.text[self.at : self.at + 1]
        if first in ('"', "'"):
            self._string()
        elif first == "[":
            self._list(path)
        elif first == "{":
            self._table(path)
        else:
            self._skip(_PLAIN)

    def _list(self, path: Path) -> None:
        self.at += 1
        place = 0
        while True:
            self._skip(_SPACE)
            if self.text.startswith("]", self.at):
                self.at += 1
                return
            if self.text.startswith(",", self.at):
                self.at += 1
                continue
            self.found[(*path, place)] = self._here()
            self._value((*path, place))
            place += 1

    def _table(self, path: Path) -> None:
        self.at += 1
        while True:
            self._skip(_SPACE)
            if self.text.startswith("}", self.at):
                self.at += 1
                return
            if self.text.startswith(",", self.at):
                self.at += 1
                continue
            self._pair(path)

    def _string(self) -> str:
        quote = self.text[self.at]
        fence = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        start = self.at + len(fence)
        at = start
        while not self.text.startswith(fence, at):
            if at >= len(self.text):
                raise ValueError("a string without an end")
            at += 2 if quote == '"' and self.text[at] == "\\" else 1
        while len(fence) == 3 and self.text.startswith(quote, at + 3):
            at += 1  # up to two quotes may stand right before the closing fence
        self.at = at + len(fence)
        raw = self.text[start:at]
        return _ESCAPE.sub(_unescaped, raw) if quote == '"' else raw

    def _skip(self, what: re.Pattern[str]) -> None:
        match = what.match(self.text, self.at)
        if match is not None:
            self.at = match.end()

    def _here(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _LETTERS[match[3]]
