"""Everything that can happen to a call, in our words. Read this file first.

Each event is one small frozen record in the past tense. Drivers translate what their PBX says into these; people's
keys, timers and the results of our own commands are events too. `at` is always Unix time in seconds (wall clock).

Events may come late, twice, in any order or not at all: whoever handles them must end right all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NewType

from controller.core.commands import CallId, LegId, RecorderCommand, RecordingId
from controller.core.notices import Beeped as Beeped
from controller.core.notices import ConsentKeyed as ConsentKeyed
from controller.core.notices import ConsentKnown as ConsentKnown
from controller.core.notices import Diverted as Diverted
from controller.core.notices import GateReached as GateReached
from controller.core.notices import NoticePlayed as NoticePlayed
from hardware.keys import Key

BridgeId = NewType("BridgeId", str)

UNWRITTEN = "unwritten"
"""In a field's metadata: this value never leaves the process, neither in the journal nor anywhere else."""


class BridgeKind(Enum):
    """What meets in a bridge."""

    TALK = "talk"  # an ordinary conversation
    ROOM = "room"  # a conference
    PARKING = "parking"  # nobody talks here: parked, or waiting in a holding bridge


class AskedBy(Enum):
    """Through which door a person asked: what each may do differs (F-079: no keys inside a conference)."""

    LEG = "leg"  # somebody on the call, with a phone key or code
    OPERATOR = "operator"  # the command line or the console


@dataclass(frozen=True, slots=True)
class LegAppeared:
    """A channel came into being: the first one of a call, or one that the PBX made to reach somebody."""

    call: CallId
    at: float
    leg: LegId
    endpoint: str  # the PBX's name of the phone or trunk, such as "100" or "carrier1"; "" when unknown
    number: str = ""  # caller's number as presented on this leg
    name: str = ""  # caller's display name
    dialled: str = ""  # what this leg dialled (first leg), with the DDI for a trunk's leg
    originating: bool = True  # this leg called the PBX; False: the PBX made it
    local: str = ""  # for half of a local pair: the name that both halves share
    up: bool = False


@dataclass(frozen=True, slots=True)
class LegDialled:
    """One leg of the call began to ring another."""

    call: CallId
    at: float
    leg: LegId
    peer: LegId
    number: str = ""  # the number dialled towards the peer, where the PBX tells
    presented: str = ""  # the caller's number as shown to the peer: on a trunk, the DDI


@dataclass(frozen=True, slots=True)
class LegRang:
    call: CallId
    at: float
    leg: LegId


@dataclass(frozen=True, slots=True)
class LegAnswered:
    call: CallId
    at: float
    leg: LegId


@dataclass(frozen=True, slots=True)
class LegJoined:
    """A leg entered a bridge: two real legs in bridges that hang together are a conversation."""

    call: CallId
    at: float
    leg: LegId
    bridge: BridgeId
    kind: BridgeKind = BridgeKind.TALK
    room: str = ""  # the name of the conference, for a ROOM


@dataclass(frozen=True, slots=True)
class LegLeft:
    call: CallId
    at: float
    leg: LegId
    bridge: BridgeId


@dataclass(frozen=True, slots=True)
class LegEnded:
    call: CallId
    at: float
    leg: LegId
    cause: str = ""


@dataclass(frozen=True, slots=True)
class HoldBegan:
    """This leg was put on hold: it hears music, or nothing."""

    call: CallId
    at: float
    leg: LegId


@dataclass(frozen=True, slots=True)
class HoldEnded:
    call: CallId
    at: float
    leg: LegId


@dataclass(frozen=True, slots=True)
class ConsultationBegan:
    """This call was placed by somebody who has a party of `of` on hold: it is about that call."""

    call: CallId
    at: float
    leg: LegId
    of: CallId


@dataclass(frozen=True, slots=True)
class CallsMerged:
    """The PBX joined two calls into one (a transfer): `other` goes on inside `call`."""

    call: CallId
    at: float
    other: CallId


@dataclass(frozen=True, slots=True)
class QueueJoined:
    call: CallId
    at: float
    leg: LegId  # the caller's
    queue: str


@dataclass(frozen=True, slots=True)
class AgentConnected:
    """A queue connected its caller to an agent; the bridge follows within a millisecond or so."""

    call: CallId
    at: float
    leg: LegId  # the caller's
    queue: str


@dataclass(frozen=True, slots=True)
class QueueLeft:
    """The queue has nothing more to do with the caller: given up, or the agent's part is over."""

    call: CallId
    at: float
    leg: LegId
    queue: str


@dataclass(frozen=True, slots=True)
class AttributeSet:
    """The dialplan told us something about the call: Set(ONRECORD_vip=yes) is name "vip", value "yes"."""

    call: CallId
    at: float
    leg: LegId
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Done:
    """The PBX confirmed one of our commands. It carries the command: a stale answer is never taken for a new one."""

    call: CallId
    at: float
    command: RecorderCommand


@dataclass(frozen=True, slots=True)
class Failed:
    """The PBX refused one of our commands, or did not answer in time."""

    call: CallId
    at: float
    command: RecorderCommand
    reason: str
    leg_gone: bool = False  # the leg hung up meanwhile: nobody's fault, nothing to try again


@dataclass(frozen=True, slots=True)
class RecorderLost:
    """A recorder that ran runs no more, and we did not ask for it."""

    call: CallId
    at: float
    recording: RecordingId
    segment: int
    reason: str
    leg_gone: bool = False  # it ended with its leg, as it should


@dataclass(frozen=True, slots=True)
class RecorderDoubted:
    """A recorder runs, and one side of its file is silent while the other speaks: it may be deaf to that party."""

    call: CallId
    at: float
    recording: RecordingId
    segment: int


@dataclass(frozen=True, slots=True)
class RecorderFound:
    """After a (re)connect: a recorder of ours runs. No PBX can say whether it is muted: the core asserts it again."""

    call: CallId
    at: float
    leg: LegId
    recording: RecordingId
    segment: int
    provisional: bool = False  # as in the Start that it came from


@dataclass(frozen=True, slots=True)
class PauseBroken:
    """The PBX said that it paused, and there is sound in the file all the same."""

    call: CallId
    at: float
    recording: RecordingId
    segment: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A person asked for something: a phone key, a code, a click and the command line are all this event."""

    call: CallId
    at: float
    by: str  # who, for the record: "leg 1763.5 (extension 100)", "operator ann"
    key: Key
    door: AskedBy = AskedBy.OPERATOR
    leg: LegId | None = None  # the presser's, when somebody on the call asked


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A leg sent one DTMF digit; `at` is its end. The digit itself is never written: it may be part of a card number
    (B-05). What people meant as a command is written as the Asked that it led to."""

    call: CallId
    at: float
    leg: LegId
    digit: str = field(default="", repr=False, metadata={UNWRITTEN: True})  # 0-9 * # A-D
    length: float = 0.0  # seconds; 0 where it was no tone


@dataclass(frozen=True, slots=True)
class SwitchDialled:
    """Somebody dialled the code that switches the recording of all his calls on or off (F-068)."""

    call: CallId
    at: float
    leg: LegId
    on: bool | None = None  # None: the other way round


@dataclass(frozen=True, slots=True)
class TimerFired:
    call: CallId
    at: float
    timer: str


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """New rules are in force: think again."""

    call: CallId
    at: float


@dataclass(frozen=True, slots=True)
class CallGone:
    """After a reconnect the PBX does not know this call any more."""

    call: CallId
    at: float


Event = (
    LegAppeared
    | LegDialled
    | LegRang
    | LegAnswered
    | LegJoined
    | LegLeft
    | LegEnded
    | HoldBegan
    | HoldEnded
    | ConsultationBegan
    | CallsMerged
    | QueueJoined
    | AgentConnected
    | QueueLeft
    | AttributeSet
    | Done
    | Failed
    | RecorderLost
    | RecorderDoubted
    | RecorderFound
    | PauseBroken
    | Asked
    | DigitPressed
    | SwitchDialled
    | GateReached
    | NoticePlayed
    | Beeped
    | ConsentKeyed
    | Diverted
    | ConsentKnown
    | TimerFired
    | PolicyChanged
    | CallGone
)
