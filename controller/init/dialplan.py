"""The few lines of dialplan/asterisk that OnRecord offers, put beside the PBX's own."""

from __future__ import annotations

import re
from pathlib import Path

from controller.init.conf import Conf, read
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
    parts = []
    for file in sorted(source.glob("onrecord_*.conf")):
        target = ELSEWHERE.get(file.name, "extensions.conf")
        whole = read(etc, target, etc_of_pbx)
        if not whole.present and target == "extensions.conf":
            note = f"there is no {target} (AEL, Lua, a database?): {file.name} is left out"
            parts.append(Part(f"{target}: {file.name}", (), (note,)))
            continue
        text = HEAD + _fitted(file.read_text(encoding="utf-8"), whole.foreign())
        edits = ours(place(whole, file.name), text, (), whole.path)
        parts.append(Part(f"{target}: {file.name}", tuple(edits), (), whole.troubles, RELOADS[target]))
    return parts


def _fitted(text: str, theirs: Conf) -> str:
    """Sections that the PBX has already are added to; those that it lacks are begun."""

    def header(match: re.Match[str]) -> str:
        return f"[{match[1]}](+)" if theirs.section(match[1]) else f"[{match[1]}]"

    return _HEADER.sub(header, text)
