"""Decision: what the policy says about one call, and why. The data only; policy.py decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from controller.core.altered import quick
from controller.core.commands import Side


class Mode(Enum):
    """How a subject is recorded, weakest first (W-2, I-8)."""

    NEVER = "never"
    ON_DEMAND = "on-demand"
    ON_DEMAND_KEEP = "on-demand-keep"  # from the first second, and kept only if somebody asks for it (W-3)
    ALWAYS_WITH_PAUSE = "always-with-pause"
    ALWAYS = "always"


class Grade(Enum):
    """How strongly a rule speaks when several meet on one call (F-016)."""

    FORCE = "force"
    YES = "yes"
    NEUTRAL = "neutral"
    NO = "no"
    NEVER = "never"


class Grant(Enum):
    """What people on the call or at the console may ask for (F-029)."""

    START = "start"
    STOP = "stop"
    PAUSE = "pause"


class StartPoint(Enum):
    """From when on a recording is wanted (F-032)."""

    RING = "ring"
    ANSWER = "answer"
    BRIDGE = "bridge"


class PauseForm(Enum):
    """What becomes of a pause in the finished file (F-037, F-038)."""

    SILENCE = "silence"  # as long as the pause was
    CUT = "cut"  # taken out


class OnFailure(Enum):
    """What becomes of a call that is to be recorded and cannot be (B-02)."""

    CONTINUE = "continue"  # it goes on, and an alarm tells whoever looks after it
    NOTICE = "notice"  # it goes on, and its people are told
    END = "end"  # its people are told, and it is hung up


class HoldRule(Enum):
    """What becomes of the time in which the recorded party is on hold."""

    RECORD = "record"  # music and all
    MUTE = "mute"  # silence, as long as the hold was
    SKIP = "skip"  # taken out of the finished file


class Announce(Enum):
    """What people are told or asked before they are recorded."""

    NONE = "none"
    NOTIFY = "notify"
    OPT_OUT = "opt-out"  # "press 9 not to be recorded"
    OPT_IN = "opt-in"  # "press 1 to agree": without it nothing is recorded

    @property
    def strictness(self) -> int:
        """A greater one asks more of who records."""
        return list(Announce).index(self)


class Audience(Enum):
    """Whom an announcement is for, seen from the house."""

    FAR = "far"
    NEAR = "near"
    BOTH = "both"


class ByRegion(Enum):
    """In place of a value: what the regions of a call's parties ask for (regions.py)."""

    REGION = "region"


class AfterRefusal(Enum):
    """What becomes of a call whose party refuses to be recorded."""

    GO_ON = "go-on"
    END = "end"  # with a notice
    ROUTE = "route"  # whoever refused is sent to a destination of the dialplan


@dataclass(frozen=True, slots=True)
class Destination:
    """A place in the dialplan. `context` "": the one in which this PBX's phones dial."""

    context: str
    extension: str
    priority: int = 1

    def __str__(self) -> str:
        return f"{self.context},{self.extension},{self.priority}" if self.context else self.extension


class Untold(Enum):
    """What becomes of a recording while somebody in the conversation has not been told of it yet."""

    PAUSE = "pause"  # it waits, or is paused, until he has heard the prompt
    RECORD = "record"  # it goes on while he hears the prompt
    BEEP = "beep"  # it goes on, and he hears a beep instead of the prompt


class NoticeForm(Enum):
    """How people hear that a recording was started, stopped, paused or resumed."""

    NONE = "none"
    BEEP = "beep"
    SPOKEN = "spoken"


class SubjectKind(Enum):
    EXTENSION = "extension"
    LINE = "line"  # a shared line or workspace with an identity of its own (F-006)
    TRUNK = "trunk"
    DDI = "ddi"
    QUEUE = "queue"
    RING_GROUP = "ring_group"
    CONFERENCE = "conference"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a rule is about: a kind and its name on the PBX."""

    kind: SubjectKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}"


@dataclass(frozen=True, slots=True)
class Options:
    """How to record, once it is decided that we do. Times in seconds."""

    start: StartPoint = StartPoint.BRIDGE
    delay: float = 0.0  # after the start point
    min_length: float = 0.0  # shorter recordings are dropped
    max_length: float = 14_400.0  # the recording is stopped here, with a mark
    keep_unanswered: bool = False  # a recording in which nobody ever talked is kept
    pause_form: PauseForm = PauseForm.SILENCE
    pause_side: Side = Side.BOTH
    hold: HoldRule = HoldRule.RECORD
    dtmf_guard: bool = True  # digits that the others type are blanked (B-05)
    auto_resume: float = 0.0  # a pause ends by itself after this; 0: never
    long_pause: float = 600.0  # a pause that lasts so long is an alarm; 0: never
    on_failure: OnFailure = OnFailure.CONTINUE
    announce_inbound: Announce = Announce.NONE
    announce_outbound: Announce = Announce.NONE
    announce_internal: Announce = Announce.NONE
    announce_to: Audience = Audience.FAR
    language: str = "en"
    announce_fallback: Announce = Announce.NONE  # inbound, where the one above is none or could not be played
    prompt_inbound: str = ""  # the prompt's id; "": the one of that kind of announcement
    prompt_outbound: str = ""
    prompt_internal: str = ""
    prompt_fallback: str = ""
    after_refusal: AfterRefusal = AfterRefusal.GO_ON
    refusal_to: Destination | None = None  # where whoever refused is sent
    announce_delay: float = 0.0  # after the talk began, on outbound calls
    untold: Untold = Untold.PAUSE
    notice_outside: NoticeForm = NoticeForm.NONE  # of start and stop, on calls with the outside
    notice_internal: NoticeForm = NoticeForm.NONE  # the same between our own phones
    notice_pause: NoticeForm = NoticeForm.NONE  # of pause and resume
    notice_to: Audience = Audience.NEAR
    beep: float = 0.0  # seconds between two beeps; 0: none
    beep_tone: str = "1400/500"  # Hz (two with a + between), milliseconds
    beep_in_file: bool = False
    beep_to: Audience = Audience.BOTH
    by_region: frozenset[str] = frozenset()  # which of these are what the parties' regions ask for


@quick
@dataclass(frozen=True, slots=True)
class Regional:
    """What the regions of all who have been in a call ask for about keeping it; "no longer" and "only there"."""

    regions: tuple[str, ...] = ()  # their codes
    retention_days: int = 0  # 0: none names a limit
    residency: tuple[str, ...] = ()  # every place that one of them demands


@quick
@dataclass(frozen=True, slots=True)
class Considered:
    """One rule that was looked at: for which subject, and what came of it."""

    rule: str
    subject: Subject | None
    outcome: str  # "won", "agrees", "lost", "did not match", "isolated", "neutral"
    because: str


@quick
@dataclass(frozen=True, slots=True)
class Decision:
    """What is to happen with this call as it stands now. `reason` is one sentence for a person."""

    mode: Mode
    reason: str
    rule: str = ""  # the winner's name; "" where no rule spoke
    owners: tuple[Subject, ...] = ()
    grants: frozenset[Grant] = frozenset()
    options: Options = field(default_factory=Options)
    considered: tuple[Considered, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    hidden: bool = False  # a helpline: never recorded and never listed (F-014)
    unassigned: bool = False  # no person or room of the roster took part (F-082)
    regional: Regional = field(default_factory=Regional)
