"""Reads Asterisk's .conf files as Asterisk does: includes, templates, additions, comments; and never changes them.

As main/config.c of Asterisk 22 does: names in #include are relative to the configuration folder, wherever the
including file lies. After an include the including file's own section goes on, but a file that is included next and
begins without a header goes on with the section that was begun last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

DEEPEST = 10
"""Levels of #include that Asterisk follows (MAX_INCLUDE_LEVEL)."""
MOST_FILES = 2000
MOST_BYTES = 32 * 1024 * 1024
OURS = "; Written by `onrecord init`"
"""How a file that is ours begins."""

_HEADER = re.compile(r"\[([^]]*)\](?:\(([^)]*)\))?")
_INCLUDE = re.compile(r"#\s*(include|tryinclude|exec)\s+(.*)", re.IGNORECASE)
_SETTING = re.compile(r"([^=]*?)\s*=>?\s*(.*)")


class NotReadable(Exception):
    """A file or folder that we must see and cannot; the message names it, the cause and the remedy."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`name = value`, and where it stands (line from 1)."""

    name: str
    value: str
    file: Path
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    """One section with what it inherits, in the order in which Asterisk sees it."""

    name: str
    file: Path
    line: int
    template: bool
    settings: tuple[Setting, ...]

    def get(self, name: str) -> Setting | None:
        """The last one of this name: it is the one that counts for single values."""
        found = self.every(name)
        return found[-1] if found else None

    def value(self, name: str, otherwise: str = "") -> str:
        found = self.get(name)
        return found.value if found else otherwise

    def every(self, name: str) -> list[Setting]:
        return [one for one in self.settings if one.name.lower() == name.lower()]


@dataclass(frozen=True, slots=True)
class Include:
    """An #include line, and what it named at the time of reading."""

    file: Path
    line: int
    pattern: str
    must: bool
    files: tuple[Path, ...]
    safe_end: bool = True  # a section may be put here: nothing that comes next would become a part of it


@dataclass(frozen=True, slots=True)
class Conf:
    """One configuration file with all that it includes. `present` is False where there is no such file."""

    path: Path
    present: bool
    sections: tuple[Section, ...] = ()
    includes: tuple[Include, ...] = ()
    files: tuple[Path, ...] = ()
    ours: tuple[Path, ...] = ()
    troubles: tuple[str, ...] = ()  # for which Asterisk does not load the file
    notes: tuple[str, ...] = ()  # what cannot be seen from here

    def section(self, name: str) -> Section | None:
        """The first section of this name: Asterisk looks at no other. A template is none."""
        return next(iter(self._named(name)), None)

    def merged(self, name: str) -> Section | None:
        """All sections of this name as one, as the manager takes a user who is written twice."""
        found = self._named(name)
        if not found:
            return None
        settings = tuple(setting for one in found for setting in one.settings)
        return Section(found[0].name, found[0].file, found[0].line, False, settings)

    def _named(self, name: str) -> list[Section]:
        return [one for one in self.sections if one.name.lower() == name.lower() and not one.template]

    def foreign(self) -> Conf:
        """The same without what is in files of ours."""
        sections = []
        for one in self.sections:
            settings = tuple(setting for setting in one.settings if setting.file not in self.ours)
            if settings or one.file not in self.ours:
                sections.append(Section(one.name, one.file, one.line, one.template, settings))
        kept = tuple(one for one in self.files if one not in self.ours)
        return Conf(self.path, self.present, tuple(sections), self.includes, kept, (), self.troubles, self.notes)


def true(text: str) -> bool:
    """What Asterisk takes for yes."""
    return text.strip().lower() in ("yes", "true", "y", "t", "1", "on")


def shown(text: str) -> str:
    """For people: what is not text is an escape, and so is anything that a terminal would obey."""
    return "".join(letter if letter == "\t" or letter.isprintable() else _escape(letter) for letter in text)


def _escape(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code:02x}"


def text_of(data: bytes) -> str:
    """Bytes as text in which every odd byte survives; a mark at the beginning is dropped, as Asterisk does."""
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def read(etc: Path, name: str, etc_of_pbx: str = "/etc/asterisk") -> Conf:
    """Read `etc/name` and what it includes. Raises NotReadable."""
    path = etc / name
    if not path.exists():
        return Conf(path, present=False)
    reader = _Reader(etc, etc_of_pbx)
    reader.file(path, 0)
    return reader.done(path)


def folder(etc: Path) -> Path:
    """The configuration folder, once it has been seen to be one. Raises NotReadable."""
    try:
        names = {one.name for one in etc.iterdir()}
    except FileNotFoundError:
        raise NotReadable(
            f"{etc}: there is no such folder: is Asterisk on this machine? --asterisk DIR names its configuration"
        ) from None
    except NotADirectoryError:
        raise NotReadable(f"{etc} is a file: --asterisk takes the folder that holds asterisk.conf") from None
    except PermissionError:
        raise NotReadable(f"{etc} may not be read: run this with sudo") from None
    if not names & {"asterisk.conf", "manager.conf", "extensions.conf", "pjsip.conf"}:
        raise NotReadable(
            f"{etc} holds no asterisk.conf and no manager.conf: it is not the configuration of an Asterisk; "
            "--asterisk DIR names another folder"
        )
    return etc


def bytes_of(path: Path) -> bytes:
    """The whole file. Raises NotReadable."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise NotReadable(f"{path} is larger than {MOST_BYTES // 2**20} MB: that is no configuration file")
        data = path.read_bytes()
    except PermissionError:
        raise NotReadable(f"{path} may not be read: run this with sudo") from None
    except OSError as error:
        raise NotReadable(f"{path} cannot be read: {error.strerror}") from error
    if b"\0" in data:
        raise NotReadable(f"{path} holds zero bytes (UTF-16?): Asterisk cannot read it either; save it as UTF-8")
    return data


@dataclass(slots=True)
class _Draft:
    """A section while it is being read."""

    name: str
    file: Path
    line: int
    template: bool
    settings: list[Setting]


@dataclass(slots=True)
class _Reader:
    etc: Path
    etc_of_pbx: str
    drafts: list[_Draft] = field(default_factory=list)
    known: dict[str, _Draft] = field(default_factory=dict)  # the first of each name
    last: _Draft | None = None  # the section that was begun or added to last, in whichever file
    includes: list[Include] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    ours: list[Path] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    # What was read, in order: an include that ended (its number), a "section", a "heir": a file whose first settings
    # have no header, so that they go to the last section.
    order: list[str | int] = field(default_factory=list)

    def file(self, path: Path, depth: int) -> None:
        if len(self.files) >= MOST_FILES:
            raise NotReadable(f"{path}: more than {MOST_FILES} files are included: does one include itself?")
        text = text_of(bytes_of(path))
        self.files.append(path)
        if text.startswith(OURS):
            self.ours.append(path)
        current, has_header = self.last, False
        said, is_open = lines(text)
        if is_open:
            self.troubles.append(f"{path}: a comment that begins with ;-- is never closed (--;)")
        for number, line in said:
            if header := _HEADER.match(line):
                current, has_header = self._header(path, number, header[1].strip(), header[2] or ""), True
                self.order.append("section")
            elif include := _INCLUDE.match(line):
                self._include(path, number, include[1].lower(), _unquoted(include[2]), depth)
            elif setting := _SETTING.match(line):
                if not has_header:
                    self.order.append("heir")
                if current is not None:
                    current.settings.append(Setting(setting[1].strip(), setting[2].strip(), path, number))

    def _header(self, path: Path, number: int, name: str, options: str) -> _Draft:
        words = [word.strip() for word in options.split(",") if word.strip()]
        if any(word.startswith("+") for word in words):
            if name.lower() in self.known:
                self.last = self.known[name.lower()]
                return self.last
            self.troubles.append(f"{path}:{number}: [{name}](+) adds to a section that is not there")
        parents = [self.known[word.lower()] for word in words if word.lower() in self.known]
        inherited = [setting for one in parents for setting in one.settings]
        self.last = _Draft(name, path, number, "!" in words, inherited)
        self.drafts.append(self.last)
        self.known.setdefault(name.lower(), self.last)
        return self.last

    def _include(self, path: Path, number: int, kind: str, pattern: str, depth: int) -> None:
        where = f"{path}:{number}"
        if kind == "exec":
            self.notes.append(f"{where}: what `#exec {pattern}` makes is not seen here")
            return
        if depth >= DEEPEST:
            self.notes.append(f"{where}: #include goes deeper than {DEEPEST} levels, which Asterisk does not follow")
            return
        found = self._named(pattern)
        must = kind == "include"
        if must and not found and not _is_glob(pattern):
            self.troubles.append(
                f'{where}: #include "{pattern}" names no file, so Asterisk does not load {path.name} at all'
            )
        self.includes.append(Include(path, number, pattern, must, tuple(found)))
        mine = len(self.includes) - 1
        for one in found:
            self.file(one, depth + 1)
        self.order.append(mine)

    def _named(self, pattern: str) -> list[Path]:
        relative = pattern.removeprefix(self.etc_of_pbx.rstrip("/") + "/")
        if relative.startswith("/"):
            base, rest = Path("/"), relative.lstrip("/")
        else:
            base, rest = self.etc, relative
        if not rest:
            return []
        if not _is_glob(rest):
            return [base / rest] if (base / rest).is_file() else []
        return sorted(one for one in base.glob(rest) if one.is_file())

    def done(self, path: Path) -> Conf:
        sections = tuple(Section(d.name, d.file, d.line, d.template, tuple(d.settings)) for d in self.drafts)
        includes = tuple(self._with_end(number) for number in range(len(self.includes)))
        return Conf(
            path,
            True,
            sections,
            includes,
            tuple(self.files),
            tuple(self.ours),
            tuple(dict.fromkeys(self.troubles)),
            tuple(dict.fromkeys(self.notes)),
        )

    def _with_end(self, number: int) -> Include:
        """A file without a header that is included next would become part of the section that was put here."""
        after = self.order[self.order.index(number) + 1 :]
        following = next((one for one in after if isinstance(one, str)), "section")
        one = self.includes[number]
        return Include(one.file, one.line, one.pattern, one.must, one.files, following != "heir")


def lines(text: str) -> tuple[list[tuple[int, str]], bool]:
    """(number from 1, line without comments and outer blanks) of each line that says something; whether a comment
    is still open at the end."""
    found = []
    inside = 0  # depth of ;-- … --; comments
    for number, raw in enumerate(text.split("\n"), 1):
        line, inside = _without_comments(raw.rstrip("\r"), inside)
        if line.strip():
            found.append((number, line.strip()))
    return found, inside > 0


def _without_comments(raw: str, inside: int) -> tuple[str, int]:
    kept, at = "", 0
    while at < len(raw):
        if inside:
            end, more = raw.find("--;", at), raw.find(";--", at)
            if more >= 0 and raw[more + 3 : more + 4] != "-" and (end < 0 or more < end):
                inside, at = inside + 1, more + 3
            elif end >= 0:
                inside, at = inside - 1, end + 3
            else:
                return kept, inside
        elif raw.startswith(r"\;", at):
            kept, at = kept + ";", at + 2
        elif raw.startswith(";--", at) and raw[at + 3 : at + 4] != "-":  # ;--- is an ordinary comment
            inside, at = 1, at + 3
        elif raw[at] == ";":
            return kept, inside
        else:
            kept, at = kept + raw[at], at + 1
    return kept, inside


def _unquoted(text: str) -> str:
    text = text.strip()
    for first, last in ('""', "<>", "''"):
        if text.startswith(first):
            return text[1:].partition(last)[0]
    return text


def _is_glob(text: str) -> bool:
    return any(letter in text for letter in "*?[")
