"""The DTMF guard (B-05): when the outside party types a number, the audio is blanked until it has been quiet a while.

People type card numbers, PINs and account numbers into calls, and tones are as good as digits to whoever hears the
recording. Pure: digits and the time go in, `Blank` and `Unblank` come out; how a PBX blanks is the driver's business.
No digit is kept here, so that no journal, log or repr of this state can show one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

MASK = "•"


class Party(Enum):
    """Who typed, seen from the company that records. Whoever is not known is treated as outside."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Rule:
    """`burst` digits within `within` seconds begin a blank; `quiet` seconds without any digit end it.

    `margin` seconds are added before and after: PBXs report a digit late (RFC 4733 needs three packets to end one,
    in-band detection 25 to 50 ms), and a blank that begins in the middle of a tone still tells the digit.
    """

    burst: int = 3
    within: float = 5.0
    quiet: float = 4.0
    margin: float = 0.3

    def __post_init__(self) -> None:
        if self.burst < 1 or self.within <= 0 or self.quiet <= 0 or self.margin < 0:
            raise ValueError(f"DTMF guard: {self}: burst from 1, within and quiet above 0, margin from 0")


@dataclass(frozen=True, slots=True)
class Blank:
    """No audio from here on; what was recorded since `since` has digits in it already and is to be blanked later."""

    at: float
    since: float


@dataclass(frozen=True, slots=True)
class Unblank:
    """Audio again. The finished file must be silent from `since` to `until`, both Unix time in seconds."""

    at: float
    since: float
    until: float


Said = Blank | Unblank


@dataclass(frozen=True, slots=True)
class Guard:
    """One call's guard. `begins` are the times when the last few digits began; `since` is None while it is open."""

    begins: tuple[float, ...] = ()
    last: float = 0.0
    since: float | None = None

    @property
    def blanking(self) -> bool:
        return self.since is not None


OPEN = Guard()


def entitled(party: Party) -> bool:
    """Whether this party's digits may be commands at all. The outside party's never are."""
    return party is Party.INSIDE


def feed(guard: Guard, rule: Rule, party: Party, at: float, length: float = 0.0) -> tuple[Guard, list[Said]]:
    """A digit ended `at` and had lasted `length` seconds; each digit once. Which digit it was is not asked for.

    Digits of our own people begin no blank (they command and dial menus), but keep one going: they may be helping.
    """
    guard, did = tick(guard, rule, at)
    last = max(guard.last, at)
    if party is Party.INSIDE:
        return (replace(guard, last=last) if guard.blanking else guard), did
    recent = tuple(began for began in guard.begins if at - began <= rule.within)
    begins = (*recent, at - max(0.0, length))[-rule.burst :]
    if guard.since is not None:
        # A clock that was set back puts new digits before the span: it grows to hold them.
        early = min(begins) - rule.margin if len(begins) == rule.burst else guard.since
        return Guard(begins, last, min(guard.since, early)), did
    if len(begins) < rule.burst:
        return Guard(begins, last, None), did
    since = min(begins) - rule.margin
    return Guard(begins, last, since), [*did, Blank(at, since)]


def tick(guard: Guard, rule: Rule, at: float) -> tuple[Guard, list[Said]]:
    """What the passing of time means. Call it at `wake_at`; too early or too late does no harm."""
    over = wake_at(guard, rule)
    if guard.since is None or over is None or at < over:
        return guard, []
    # The last digits stay in mind: one more within the time of a burst blanks at once again.
    return replace(guard, since=None), [Unblank(at, guard.since, guard.last + rule.margin)]


def ended(guard: Guard, rule: Rule, at: float) -> tuple[Guard, list[Said]]:
    """The call or its recording is over: report the span that is still open."""
    if guard.since is None:
        return OPEN, []
    return OPEN, [Unblank(at, guard.since, max(at, guard.last + rule.margin))]


def wake_at(guard: Guard, rule: Rule) -> float | None:
    """When `tick` has something to say, Unix time in seconds; None while nothing is blanked."""
    return guard.last + rule.quiet if guard.blanking else None


# How digits look in what PBXs and phones say: AMI and ESL headers, ARI's JSON, the bodies of INFO.
TOLD = re.compile(
    r"(?P<name>\b(?:dtmf[-_]?digits?|digits?|signal)\b[\"']?+\s*+[:=]\s*+[\"']?+\s*+)(?P<digits>[0-9A-D*#]++)(?!\w)",
    re.IGNORECASE,
)
BODY = re.compile(
    r"(?P<name>content-type:\s*+application/dtmf\b.{0,2000}?\r?\n\r?\n\s*+)(?P<digits>[0-9A-D*#]{1,2})",
    re.IGNORECASE | re.DOTALL,
)


def scrub(text: str) -> str:
    """The text with every reported DTMF digit masked, for journals and logs: `Digit: 5` becomes `Digit: •`.

    Every digit, not only those of a burst: when the third one shows that it was a burst, the first two are written.
    The number of marks is always the same, as the length of a PIN is nobody's business either.
    """
    return BODY.sub(_masked, TOLD.sub(_masked, text))


def _masked(found: re.Match[str]) -> str:
    return found["name"] + MASK
