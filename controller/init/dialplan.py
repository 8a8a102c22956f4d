"""The few lines of dialplan/asterisk that OnRecord offers, put beside the PBX's own."""

from __future__ import annotations

import re
from pathlib import Path

from controller.init.conf import Conf, bytes_of, read, text_of
from controller.init.edits import ours, place
from controller.init.parts import HEAD, Part

SOURCE = Path(__file__).parents[2] / "dialplan" / "asterisk"
"""The same folder in the source tree and in what is installed."""
ELSEWHERE = {"onrecord_features.conf": "features.conf"}
"""Which of the files belong into another file than extensions.conf."""
RELOADS = {"extensions.conf": "dialplan reload", "features.conf": "module reload features"}
_HEADER = re.compile(r"^\[([^]]+)\](\(\+\))?(?=[ \t]*(?:;.*)?$)", re.MULTILINE)


def look(etc: Path, etc_of_pbx: str, source: Path = SOURCE) -> list[Part]:
    """What extensions.conf and features.conf lack. None of it acts before a dialplan or a rule uses it."""
    return [_part(etc, etc_of_pbx, file) for file in sorted(source.glob("onrecord_*.conf"))]


def _part(etc: Path, etc_of_pbx: str, file: Path) -> Part:
    target = ELSEWHERE.get(file.name, "extensions.conf")
    about = f"{target}: {file.name}"
    whole = read(etc, target, etc_of_pbx)
    if not whole.present and target == "extensions.conf":
        return Part(about, (), (f"there is no {target} (AEL, Lua, a database?): it is left out",))
    at = place(whole, file.name)
    text = file.read_text(encoding="utf-8")
    if at.line_in is None and at.file.exists() and at.file not in whole.ours:
        same = text_of(bytes_of(at.file)).split() == text.split()
        note = f"{at.file} is a copy of your own and not the one of this version: look whether you need what is new"
        return Part(about, (), () if same else (note,), whole.troubles)
    edits = ours(at, HEAD + _fitted(text, whole.foreign()), (), whole.path)
    return Part(about, tuple(edits), whole.notes, whole.troubles, RELOADS[target])


def _fitted(text: str, theirs: Conf) -> str:
    """Sections that the PBX has already are added to; those that it lacks are begun."""

    def header(match: re.Match[str]) -> str:
        return f"[{match[1]}](+)" if theirs.section(match[1]) else f"[{match[1]}]"

    return _HEADER.sub(header, text)
