"""What the catalogue tells: calls, and the recordings made of them. Times are in UTC, lengths in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from controller.core.decision import Decision


class Status(Enum):
    """What became of a recording."""

    WORKING = "working"  # taken over, and on its way to the store
    KEPT = "kept"  # in the store: read back, decoded, measured and hashed
    DROPPED = "dropped"  # not to be kept, by rule: `why`
    EMPTY = "empty"  # the PBX left no audio, though it should have
    FAILED = "failed"  # could not be worked on; the raw files are in the spool


@dataclass(frozen=True, slots=True)
class PartyEntry:
    leg: str
    endpoint: str
    number: str
    name: str
    dialled: str
    party: str  # internal, external, unknown
    subject: str  # such as "extension 100"; "" where there is none
    joined_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Level:
    """One side of a recording. Peak and RMS in dB of full scale (-120 is digital silence); shares from 0 to 1."""

    side: str  # customer, house, everybody
    peak: float
    rms: float
    silent: float  # share of 20 ms frames below -50 dBFS
    zero: float  # share of 20 ms frames of digital silence
    clipped: float  # share of samples at the limit


@dataclass(frozen=True, slots=True)
class RecordingEntry:
    """`folder` is relative to the store; "" until it is there. `owners` such as "extension 100"."""

    id: str
    status: Status
    why: str
    began_at: datetime
    ended_at: datetime
    settled_at: datetime | None
    length: float
    rate: int
    channels: int
    size: int
    sha256: str
    folder: str
    owners: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()
    part: str = "conversation"  # or consultation: for few ears
    flags: tuple[str, ...] = ()  # what is wrong with its sound
    regions: tuple[str, ...] = ()  # of everybody who is heard in it, by code
    retention_days: int = 0  # no longer, as these regions ask; 0: none of them names a limit
    residency: tuple[str, ...] = ()  # within all of these places, as they ask


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    number: int
    leg: str
    anchor_is: str
    started_at: datetime
    ended_at: datetime
    ended_by: str
    offset: float | None  # where in the finished file it begins
    length: float | None
    repaired: bool
    note: str
    label: str = ""  # who is heard beside the leg that was recorded


@dataclass(frozen=True, slots=True)
class TalkEntry:
    """What one party did from when to when: talk, consultation, conference, hold or parked."""

    leg: str
    doing: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """One thing that a party was told about being recorded, or said: informed, agreed, refused, withdrawn."""

    leg: str
    standing: str
    at: datetime
    prompt: str  # which one, and its language
    how: str  # at the gate, in the call, key 9 …


@dataclass(frozen=True, slots=True)
class MarkEntry:
    kind: str
    at: datetime
    segment: int
    by: str
    note: str
    offset: float | None  # where in the finished file it is


@dataclass(frozen=True, slots=True)
class CallEntry:
    """One call. `reason` is the decision's."""

    id: int
    call: str
    pbx: str
    began_at: datetime
    answered_at: datetime | None
    talked_at: datetime | None
    ended_at: datetime
    direction: str
    dialled: str
    queue: str
    room: str
    mode: str
    rule: str
    reason: str
    parties: tuple[PartyEntry, ...] = ()
    recordings: tuple[RecordingEntry, ...] = ()

    @property
    def recorded(self) -> bool:
        """Whether there is audio of this call, or soon will be."""
        return any(one.status in (Status.KEPT, Status.WORKING, Status.FAILED) for one in self.recordings)

    @property
    def why(self) -> str:
        """Why it was recorded, or was not: what became of a recording says more than the decision to make one."""
        lost = [one.why for one in self.recordings if one.why]
        return lost[0] if lost and not self.recorded else self.reason


@dataclass(frozen=True, slots=True)
class RecordingStory:
    """One recording with its segments and marks, in order."""

    recording: RecordingEntry
    segments: tuple[SegmentEntry, ...]
    marks: tuple[MarkEntry, ...]


@dataclass(frozen=True, slots=True)
class CallStory:
    """One call with all that is known of it."""

    call: CallEntry
    decision: Decision
    recordings: tuple[RecordingStory, ...]
    talks: tuple[TalkEntry, ...] = ()  # who talked when
    consents: tuple[ConsentEntry, ...] = ()  # in order of time
