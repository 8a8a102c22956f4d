"""What shall change in which file: as a value, as a diff to read, and as the lines of ours among others'."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from controller.init.conf import Conf, Include, bytes_of, shown, text_of

NOTE = "; OnRecord; `onrecord init --undo` takes this line out"
_OUR_LINE = re.compile(rb'^[ \t]*#include "onrecord_[a-z_]+\.conf" *; OnRecord;[^\n]*\n?', re.MULTILINE)
_PASSWORD = re.compile(r"^([ +-].*(?:secret|pass|pwd|key|token)[a-z_]*\s*=>?\s*)\S.*", re.IGNORECASE)
STARS = "********"


@dataclass(frozen=True, slots=True)
class Edit:
    """One file as it is (None where it is not there) and as it shall be; `like` is whose owner and mode it takes."""

    path: Path
    before: bytes | None
    after: bytes
    like: Path
    secrets: tuple[str, ...] = ()

    @property
    def is_new(self) -> bool:
        return self.before is None

    def diff(self, secrets_shown: bool = False) -> tuple[str, ...]:
        """Unified diff, by lines; passwords are stars unless they are to be shown."""
        name = str(self.path)
        old = [] if self.before is None else _lines(self.before)
        lines = difflib.unified_diff(
            old, _lines(self.after), "/dev/null" if self.is_new else name, name, lineterm="", n=2
        )
        return tuple(line if secrets_shown else self._masked(line) for line in lines)

    def _masked(self, line: str) -> str:
        for secret in self.secrets:
            line = line.replace(secret, STARS)
        # In other people's files their lines stand around ours. What is ours holds no secret that we do not know.
        return line if self.is_new else _PASSWORD.sub(rf"\1{STARS}", line)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file of ours goes, and the file of others that must name it; None where it is named already."""

    file: Path
    line_in: Path | None


def place(conf: Conf, name: str) -> Place:
    """Where `onrecord_….conf` is to go, so that the admin's files change by one line at most.

    A folder that is included as a whole needs no line at all; where a tool writes the file anew each time (FreePBX),
    the line goes to the file that it leaves to people.
    """
    home = conf.path.parent
    for include in conf.includes:
        if any(file.name == name for file in include.files):
            return Place(next(file for file in include.files if file.name == name), None)
    once = [one for one in conf.includes if one.safe_end and _count(conf, one) == 1]
    for include in once:
        folder = _whole_folder(include, conf.path)
        if folder is not None:
            return Place(folder / name, None)
    custom = [one for one in once if one.files and _is_for_people(one, conf.path)]
    return Place(home / name, custom[-1].files[-1] if custom else conf.path)


def ours(place: Place, text: str, secrets: tuple[str, ...] = (), like: Path | None = None) -> list[Edit]:
    """The edits that put a file of ours in its place, with the line that names it; [] when all is there already."""
    edits = []
    data = text.encode("utf-8", "surrogateescape")
    before = bytes_of(place.file) if place.file.exists() else None
    if before != data:
        edits.append(Edit(place.file, before, data, like or place.line_in or place.file.parent, secrets))
    if place.line_in is not None:
        edits.append(_with_line(place.line_in, place.file.name))
    return edits


def without_ours(data: bytes) -> bytes:
    """A file of others without any line of ours."""
    return _OUR_LINE.sub(b"", data)


def is_our_name(path: Path) -> bool:
    return re.fullmatch(r"onrecord_[a-z_]+\.conf", path.name) is not None


def _with_line(path: Path, name: str) -> Edit:
    before = bytes_of(path) if path.exists() else None
    old = before or b""
    end = b"\r\n" if b"\r\n" in old else b"\n"
    gap = b"" if not old or old.endswith(b"\n") else end
    return Edit(path, before, old + gap + f'#include "{name}" {NOTE}'.encode() + end, path)


def _count(conf: Conf, include: Include) -> int:
    """How often what is put there would be read."""
    return sum(one.pattern == include.pattern or bool({*one.files} & {*include.files}) for one in conf.includes)


def _whole_folder(include: Include, main: Path) -> Path | None:
    """The folder of an include such as manager.d/*.conf, which is this file's alone."""
    folder, slash, rest = include.pattern.rpartition("/")
    if rest != "*.conf" or not slash or any(letter in folder for letter in "*?["):
        return None
    where = main.parent / folder
    own = main.parent in where.parents and where.is_dir() and where.name.startswith(main.stem)
    return where if own else None


def _is_for_people(include: Include, main: Path) -> bool:
    """manager_custom.conf, and not manager_general_custom.conf: that one is in the middle of a section."""
    stem = Path(include.pattern).stem
    return stem.startswith(main.stem) and stem.endswith("_custom") and not stem.endswith("_general_custom")


def _lines(data: bytes) -> list[str]:
    """Lines for people."""
    text = text_of(data).replace("\r\n", "\n").removesuffix("\n")
    return [shown(line) for line in text.split("\n")] if data else []
