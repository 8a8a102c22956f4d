"""Finished: all that is to be remembered of a conversation that is over. What the engine hands to the pipeline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from controller.core.commands import CallId, LegId, RecordingId
from controller.core.consent import Standing
from controller.core.decision import Decision, Subject
from controller.core.recording import Mark
from controller.core.roster import Party
from controller.core.talks import Doing

_RECORDING = re.compile(r"[A-Za-z0-9._-]{1,120}")


def is_recording_id(text: str) -> bool:
    """Whether this may become a folder and a file name. Checked at every door that leads to a disk."""
    return bool(_RECORDING.fullmatch(text)) and not text.startswith((".", "-"))


class AnchorIs(Enum):
    """Whose leg carried the recorder: it decides which side of the stereo file is whose."""

    CUSTOMER = "customer"  # the outside party; on an internal call, who called: left
    INSIDE = "inside"  # somebody of the house: right
    ROOM = "room"  # a member of a conference: no sides, mono


@dataclass(frozen=True, slots=True)
class FinishedParty:
    """Who was on one leg. `joined_at` None: never in a conversation."""

    leg: LegId
    endpoint: str
    number: str = ""
    name: str = ""
    dialled: str = ""
    party: Party = Party.UNKNOWN
    subject: Subject | None = None
    joined_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class FinishedSegment:
    """One start to stop, and the absolute paths of its files as this process sees them ("": there is none).

    `anchor` holds what the anchor leg says, `others` what it hears, `mixed` both.
    """

    number: int
    leg: LegId
    started_at: float
    ended_at: float
    ended_by: str = ""
    mixed: str = ""
    anchor: str = ""
    others: str = ""
    anchor_is: AnchorIs = AnchorIs.CUSTOMER
    label: str = ""  # who is heard beside the anchor, or what happens: "extension 100", "hold"


@dataclass(frozen=True, slots=True)
class FinishedTalk:
    """What one leg did from when to when."""

    leg: LegId
    doing: Doing
    since: float
    until: float


class Part(Enum):
    """What a recording is of. A consultation is for few ears: it is only exported where that is asked for."""

    CONVERSATION = "conversation"
    CONSULTATION = "consultation"


@dataclass(frozen=True, slots=True)
class FinishedConsent:
    """One thing that a party was told or said about being recorded."""

    leg: LegId
    standing: Standing
    at: float
    prompt: str = ""
    how: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """One conversation. `recording` None: it was not recorded, and `decision.reason` says why.

    Times are Unix seconds. `discard` is why the audio must not be kept ("": keep it). Helplines never come here.
    `direction` is inbound, outbound or internal, seen from the company.
    """

    call: CallId
    pbx: str
    began_at: float
    ended_at: float
    decision: Decision
    answered_at: float | None = None
    talked_at: float | None = None
    direction: str = ""
    dialled: str = ""
    queue: str = ""
    room: str = ""
    recording: RecordingId | None = None
    owners: tuple[Subject, ...] = ()
    parties: tuple[FinishedParty, ...] = ()
    segments: tuple[FinishedSegment, ...] = ()
    marks: tuple[Mark, ...] = ()
    discard: str = ""
    part: Part = Part.CONVERSATION
    talks: tuple[FinishedTalk, ...] = ()
    consents: tuple[FinishedConsent, ...] = ()  # in order of time

    @property
    def unassigned(self) -> bool:
        """Whether nobody of the roster took part, so that it belongs to nobody yet."""
        return self.decision.unassigned
