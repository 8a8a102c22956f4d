"""What is said to and about MixMonitor: names, options, variables. Pure.

Hazards 3, 4, 9 and 10 of the measured notes are handled here: nothing that comes from a call is ever part of a name,
no dialplan expression is, `Command` is never sent, and every recorder is addressed by its own id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from controller.core.calls import is_room
from controller.core.commands import CallId, RecordingId, Side
from controller.pbx.asterisk.filters import VARIABLE
from controller.pbx.asterisk.frames import Message

_RECORDING = re.compile(r"[A-Za-z0-9._-]{1,120}")
_ID = re.compile(r"0x[0-9a-f]{1,16}")

DIRECTIONS = {Side.BOTH: "both", Side.ANCHOR: "read", Side.OTHERS: "write"}
"""read: what the channel says, which is the r file; write: what it is sent, the t file."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What our channel variables say of a recorder: whose, which segment, and its id. To be confirmed."""

    room: bool
    recording: RecordingId
    segment: int
    id: str


def is_safe(recording: RecordingId) -> bool:
    """Whether this may become a file name and part of an AMI header: a comma there would run a shell command."""
    return bool(_RECORDING.fullmatch(recording)) and not recording.startswith((".", "-"))


def stem(recording: RecordingId, segment: int) -> str:
    """The name of a segment's files, without folder, side and extension; also the value of our variable."""
    return f"{recording}.{segment}"


def variable(call: CallId) -> str:
    """The channel variable that outlives us: a member of a conference may carry its own call's recorder as well."""
    return f"{VARIABLE}_ROOM" if is_room(call) else VARIABLE


def options(call: CallId, path: str, extension: str) -> str:
    """Id into a variable, and both sides beside the mix, equally long and aligned to 20 ms.

    Never n (the sides would drift), b (what is heard outside a bridge would be left out) or D (raw only).
    """
    return f"i({variable(call)}_MIX)r({path}-r.{extension})t({path}-t.{extension})"


def filename(mixmonitor: str) -> str:
    """The function that reads back a recorder's file, which tells whether this id is (still) ours on a channel."""
    return f"MIXMONITOR({mixmonitor},filename)"


def is_id(text: str) -> bool:
    return bool(_ID.fullmatch(text))


PASSED = f"{VARIABLE}_PASSED"
"""What our gate left on a channel: "refused" where its party does not want to be recorded."""


def variables(attributes: Iterable[str]) -> str:
    """For Status: one action tells what of ours runs anywhere, and what the dialplan said about each channel.

    Asterisk tells letters apart by case in these names; both ways of writing an attribute are asked for.
    """
    ours = [f"{VARIABLE}{room}{mix}" for room in ("", "_ROOM") for mix in ("", "_MIX")]
    told = [f"{VARIABLE}_{word}" for name in attributes for word in dict.fromkeys((name, name.upper()))]
    return ",".join((*ours, PASSED, *told))


def claim(name: str, mixmonitor: str, room: bool = False) -> Claim | None:
    """What a segment's name and a recorder's id say; None for what is neither."""
    recording, _, segment = name.rpartition(".")
    if not (is_safe(RecordingId(recording)) and segment.isdecimal() and len(segment) < 7 and is_id(mixmonitor)):
        return None
    return Claim(room, RecordingId(recording), int(segment), mixmonitor)


def told(status: Message) -> dict[str, str]:
    """The variables that Status was asked for on this channel."""
    return dict(line.partition("=")[::2] for line in status.all("Variable"))


def claims(status: Message) -> list[Claim]:
    """The recorders that our variables on this channel speak of; stale ones included."""
    said, found = told(status), []
    for room in (False, True):
        name = f"{VARIABLE}_ROOM" if room else VARIABLE
        one = claim(said.get(name, ""), said.get(f"{name}_MIX", ""), room)
        if one is not None:
            found.append(one)
    return found
