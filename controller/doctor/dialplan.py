"""Check of the dialplan's own recorders: options of MixMonitor that break what they write, or miss the call."""

from __future__ import annotations

import re
from dataclasses import dataclass

from controller.doctor.finding import Finding, ok, skipped, warn
from controller.doctor.visit import Visit
from controller.pbx.asterisk.frames import Message
from controller.pbx.driver import PbxRefused

OURS = "onrecord-"
"""How the contexts of our own dialplan begin."""
STEREO, BRIDGED = "D", "b"
WIDE = ("wav16", "sln16", "sln32", "sln48")
RAW = "raw"


@dataclass(frozen=True, slots=True)
class Line:
    """A MixMonitor in the dialplan. `options`: its letters, without what stands in brackets behind them."""

    where: str
    ending: str
    options: str


def line_of(event: Message) -> Line | None:
    """None for lines that record nothing."""
    if event.get("Application") != "MixMonitor" or event.get("Context").startswith(OURS):
        return None
    file, _, rest = event.get("AppData").partition(",")
    options = re.sub(r"\([^()]*\)", "", rest.partition(",")[0])
    where = f"{event.get('Context')},{event.get('Extension')},{event.get('Priority')}"
    return Line(where, file.rpartition(".")[2].lower(), options)


async def recorders(visit: Visit) -> list[Finding]:
    """Recorders of the dialplan's own; ours have none of these options."""
    try:
        found = await visit.items("ShowDialPlan")
    except PbxRefused as error:
        return [skipped(f"the dialplan may not be seen ({error})", "class reporting in the user's write line")]
    lines = [line for event in found if (line := line_of(event)) is not None]
    out = []
    stereo = [line for line in lines if STEREO in line.options and line.ending != RAW]
    if stereo:
        wide = "at 16 kHz, " if any(line.ending in WIDE for line in stereo) else ""
        out.append(
            warn(
                f"{_places(stereo)} has MixMonitor's stereo flag D, {wide}with files that are not .raw: both sides "
                "are written in turns under a header for one, which plays at half speed and is no stereo",
                "let OnRecord record both sides, or take D out; D is for .raw, which a program of yours makes a file",
                lines=[line.where for line in stereo],
            )
        )
    bridged = [line for line in lines if BRIDGED in line.options]
    members = [one for one in await visit.items("QueueStatus") if one.get("Location").startswith("Local/")]
    if bridged and members:
        out.append(
            warn(
                f"{_places(bridged)} records only while bridged (b), and {len(members)} queue members are local "
                "channels: what is recorded there begins late, or pins two channels to the call",
                "let OnRecord record; or take b out, and record the caller's channel before Queue()",
                lines=[line.where for line in bridged],
            )
        )
    return out or [ok(f"no recorder of the dialplan's own breaks what it writes ({len(lines)} lines)")]


def _places(lines: list[Line], most: int = 3) -> str:
    more = f" and {len(lines) - most} more" if len(lines) > most else ""
    return f"{'; '.join(line.where for line in lines[:most])}{more}"
