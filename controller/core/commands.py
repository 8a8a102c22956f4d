"""Everything the core may ask for: the imperative half of the vocabulary, beside events.py."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NewType

from hardware.keys import Key

CallId = NewType("CallId", str)
"""`<pbx>/<the PBX's id of the call>`, such as `main/1763.5`; a conference is `main/room:800:<bridge id>`."""

LegId = NewType("LegId", str)
"""`<pbx>/<the PBX's id of the channel>`: stable for the channel's life, unlike its name."""

RecordingId = NewType("RecordingId", str)
"""Only `[A-Za-z0-9._-]`: it becomes a folder, a file name and a channel variable."""


def pbx_of(identity: CallId | LegId) -> str:
    """The configured name of the PBX that a call or leg lives on."""
    return identity.partition("/")[0]


class Side(Enum):
    """Whose voice: the anchor leg's own, what the anchor leg hears, or both."""

    BOTH = "both"
    ANCHOR = "anchor"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Start:
    """Start one segment: one file set, from start to stop, on one leg."""

    call: CallId
    recording: RecordingId
    segment: int
    number: int  # of this command within the call; an answer that carries another number is stale
    leg: LegId
    provisional: bool = False  # nobody has asked to keep it yet: it must not come to a disk in the clear


@dataclass(frozen=True, slots=True)
class Stop:
    call: CallId
    recording: RecordingId
    segment: int
    number: int
    leg: LegId


@dataclass(frozen=True, slots=True)
class Pause:
    """No speech of `side` reaches the file from here on. How (mute, mask, a second file) is the driver's business."""

    call: CallId
    recording: RecordingId
    segment: int
    number: int
    leg: LegId
    side: Side = Side.BOTH


@dataclass(frozen=True, slots=True)
class Resume:
    call: CallId
    recording: RecordingId
    segment: int
    number: int
    leg: LegId
    side: Side = Side.BOTH


RecorderCommand = Start | Stop | Pause | Resume
"""What a driver ends in exactly one Done or Failed."""


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Call back with TimerFired(timer) after so many seconds; the same name again replaces the earlier one."""

    call: CallId
    timer: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    call: CallId
    timer: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Somebody must know: what happened, and what would mend it."""

    call: CallId
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Refuse:
    """A person's request was not granted; `why` is for the person."""

    call: CallId
    by: str
    key: str
    why: str


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody of ours on the call entered a code: hear it as what it asks for."""

    call: CallId
    leg: LegId
    key: Key
    by: str


@dataclass(frozen=True, slots=True)
class Allow:
    """These keys would be granted to this leg now, all others refused: have the PBX tell its phone so.

    `codes`: whether its people have digit codes too. Nothing answers: a PBX that cannot do it takes every press, and
    the refusal comes from us.
    """

    call: CallId
    leg: LegId
    keys: frozenset[Key]
    codes: bool = False


@dataclass(frozen=True, slots=True)
class Tell:
    """Let everybody in this leg's conversation hear a notice, and hang up behind it where `ending`. NoticePlayed
    answers: what the PBX cannot do is counted, and an ending is done without the notice."""

    call: CallId
    leg: LegId
    notice: str
    ending: bool = False
    language: str = ""  # of the prompt; "": the PBX's own sound for this notice
    alone: bool = False  # only this leg hears it
    answer: float = 0.0  # for so many seconds behind it the leg's keys must be heard


class Reach(Enum):
    """Who hears what hangs on a leg."""

    ALL = "all"  # the leg, and everybody in its conversation
    ALONE = "alone"  # nobody but the leg
    OTHERS = "others"  # everybody in its conversation but the leg


@dataclass(frozen=True, slots=True)
class Beep:
    """Let those whom this leg reaches hear a beep every so many seconds; 0: no more. Beeped answers."""

    call: CallId
    leg: LegId
    every: float
    tone: str = ""  # Hz/milliseconds
    reach: Reach = Reach.ALL


@dataclass(frozen=True, slots=True)
class Keyed:
    """A party that was asked in the conversation has answered with this digit: hear it as at the gate."""

    call: CallId
    leg: LegId
    digit: str


@dataclass(frozen=True, slots=True)
class Open:
    """The word that a leg in the gate waits for: go, notify, opt-out or opt-in (with the prompt to play), or end."""

    call: CallId
    leg: LegId
    word: str
    prompt: str = ""  # its id
    language: str = ""


@dataclass(frozen=True, slots=True)
class Divert:
    """Send this leg, whatever it does now, to a place in the dialplan; "" as context: where the PBX's phones dial.
    Diverted answers. The parts come from the configuration, never from a call."""

    call: CallId
    leg: LegId
    context: str
    extension: str
    priority: int


@dataclass(frozen=True, slots=True)
class Switch:
    """From now on this extension's calls are recorded without being asked for, as far as its rule lets it ask; or not
    any more. The leg is told what became of it. `why`: it may not, and nothing changes."""

    call: CallId
    leg: LegId
    extension: str
    on: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class HandOver:
    """The conversation is over: its recording (if any) and its story go to the spool and the catalogue.

    The engine takes what belongs in the catalogue from the session that asked.
    """

    call: CallId
    recording: RecordingId | None  # None: nothing was recorded; the call is listed with its reason
    discard: str = ""  # why the audio must not be kept ("" = keep)


Command = (
    Start
    | Stop
    | Pause
    | Resume
    | SetTimer
    | CancelTimer
    | Alarm
    | Refuse
    | Press
    | Allow
    | Tell
    | Beep
    | Keyed
    | Open
    | Divert
    | Switch
    | HandOver
)
