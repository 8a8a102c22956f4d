"""Regions: what the law where a party is asks of who records the call; the strictest of all parties wins. Pure.

A cautious reading of published rules with its sources, and no legal advice. The rows are in prompts/regions.toml.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from controller.core.decision import Announce, Audience
from controller.core.numbers import NumberPlan, remember

UNKNOWN = "unknown"
MOST_PREFIX = 9
"""Of a number's prefix, with its +."""
SHORTEST_SILENCE, LONGEST_SILENCE = 5.0, 1800.0
"""Seconds between two beeps that are believed of a file."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A warning tone: `frequency` in Hz for `seconds`, then `silence` seconds."""

    frequency: float
    seconds: float
    silence: float

    @property
    def period(self) -> float:
        """Seconds from the start of one beep to that of the next."""
        return self.seconds + self.silence

    @property
    def setting(self) -> str:
        """As beep_tone in the configuration has it."""
        return f"{self.frequency:g}/{self.seconds * 1000:g}"


@dataclass(frozen=True, slots=True)
class Region:
    """What one region asks. `retention_days` 0, `residency` "": nothing that can be cited. `own`: the site's row."""

    code: str
    name: str
    notice: Announce
    audience: Audience
    tone: Tone
    because: str
    prefixes: tuple[str, ...] = ()
    retention_days: int = 0
    residency: str = ""
    sources: tuple[str, ...] = ()
    checked: date | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Regions:
    """All rows. `sites`: the house's sites by name, each with the code of its region."""

    by_code: Mapping[str, Region]
    unknown: Region
    elsewhere: tuple[str, ...] = ()
    sites: Mapping[str, str] = field(default_factory=dict)
    _by_prefix: dict[str, Region] = field(default_factory=dict, init=False, repr=False, compare=False)
    _under: dict[str, Region] = field(default_factory=dict, init=False, repr=False, compare=False)
    _together: dict[tuple[str, ...], Required] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for code in sorted(self.by_code):
            self._by_prefix.update(dict.fromkeys(self.by_code[code].prefixes, self.by_code[code]))

    def under(self, spelling: str) -> Region:
        """The region of the longest prefix of a number that begins with +; else `unknown`."""
        known = self._under.get(spelling)
        return known if known is not None else remember(self._under, spelling, self._found(spelling))

    def together(self, parties: tuple[Region, ...]) -> Required:
        """As `required`, remembered. ValueError without parties."""
        codes = tuple(region.code for region in parties)
        known = self._together.get(codes)
        return known if known is not None else remember(self._together, codes, required(parties))

    def _found(self, spelling: str) -> Region:
        if not spelling.startswith("+") or any(map(spelling.startswith, self.elsewhere)):
            return self.unknown
        longest = (spelling[:length] for length in range(MOST_PREFIX, 1, -1))
        return next((self._by_prefix[each] for each in longest if each in self._by_prefix), self.unknown)


@dataclass(frozen=True, slots=True)
class Required:
    """What all parties' regions together ask, and which of them asked for it."""

    notice: Announce
    audience: Audience
    tone: Tone
    retention_days: int
    residency: tuple[str, ...]
    regions: tuple[Region, ...]
    because: tuple[str, ...]


def of_number(regions: Regions, number: str, plan: NumberPlan) -> Region:
    """The region of an outside number; `unknown` for withheld, short and unlisted ones. The longest prefix wins."""
    return regions.under(plan.canonical(number))


def of_house(regions: Regions, site: str, plan: NumberPlan) -> Region:
    """The region of our own people: what [site] says of their site, else the country of [numbers]."""
    if site in regions.sites:
        return regions.by_code[regions.sites[site]]
    return regions.under(f"+{plan.country_code}") if plan.country_code else regions.unknown


def required(parties: Iterable[Region]) -> Required:
    """The strictest of all parties' regions, field by field: the notice that asks most, everybody who must hear it,
    the beep that comes most often, the shortest keeping, every place that is demanded. ValueError without parties."""
    each = tuple({region.code: region for region in parties}.values())
    if not each:
        raise ValueError("a call has parties")
    notice = max((region.notice for region in each), key=lambda asked: asked.strictness)
    heard = {region.audience for region in each if region.notice is not Announce.NONE}
    audience = heard.pop() if len(heard) == 1 else Audience.BOTH if heard else Audience.FAR
    kept = [region.retention_days for region in each if region.retention_days]
    return Required(
        notice=notice,
        audience=audience,
        tone=min((region.tone for region in each), key=lambda tone: (tone.period, -tone.seconds, tone.frequency)),
        retention_days=min(kept, default=0),
        residency=tuple(sorted({region.residency for region in each if region.residency})),
        regions=each,
        because=tuple(f"{region.name}: {region.notice.value}: {region.because}" for region in each),
    )


def told(asked: Required) -> Iterator[str]:
    """For a person: what is asked, of whom it comes, and that it is no legal advice."""
    whom = {Audience.FAR: "the other side", Audience.NEAR: "our own people", Audience.BOTH: "everybody"}[
        asked.audience
    ]
    notice = f"{asked.notice.value}, heard by {whom}" if asked.notice is not Announce.NONE else "nothing"
    yield f"the regions of the parties ask for: {notice}"
    tone = asked.tone
    yield f'a beep, where there is one: beep_tone = "{tone.setting}" (Hz/ms), beep = {tone.period:g} (s)'
    if asked.retention_days:
        yield f"kept at most {asked.retention_days} days"
    if asked.residency:
        yield f"kept within {' and '.join(asked.residency)}"
    for region, because in zip(asked.regions, asked.because, strict=True):
        mark = " (the site's own row)" if region.own else ""
        when = f", as of {region.checked.isoformat()}" if region.checked else ""
        yield f"{because}{mark} [{'; '.join(region.sources) or 'no source'}{when}]"
    yield "a reading of published rules, and no legal advice"


def shortfalls(asked: Required, notice: Announce, audience: Audience) -> tuple[str, ...]:
    """Where what a policy announces is less than what the regions ask; () where it is enough."""
    found = []
    if notice.strictness < asked.notice.strictness:
        found.append(f"the policy announces {notice.value}, the regions ask for {asked.notice.value}")
    elif asked.notice is not Announce.NONE and audience not in (asked.audience, Audience.BOTH):
        found.append(f"the policy tells {audience.value}, the regions ask that {asked.audience.value} be told")
    return tuple(found)


def contradictions(regions: Regions, today: date) -> Iterator[tuple[str, str]]:
    """What cannot be meant in a set of rows: (key, what is wrong)."""
    owners: dict[str, str] = {}
    for code, region in regions.by_code.items():
        for prefix in region.prefixes:
            if prefix in regions.elsewhere:
                yield f"region.{code}.prefixes", f"{prefix} is in elsewhere, too"
            if prefix in owners:
                yield f"region.{code}.prefixes", f"{prefix} belongs to {owners[prefix]} already"
            owners[prefix] = code
        yield from ((f"region.{code}.{key}", what) for key, what in _odd(region, today))
    if regions.unknown.notice.strictness < max(
        (each.notice.strictness for each in regions.by_code.values()), default=0
    ):
        yield (
            "unknown.notice",
            "it asks less than a region that is known: where nothing is known, the strictest holds",
        )
    if regions.unknown.audience is not Audience.BOTH:
        yield "unknown.audience", "where nothing is known, all parties are told: both"
    for site, code in regions.sites.items():
        if code not in regions.by_code:
            yield f"site.{site}", f"there is no region {code!r}"


def _odd(region: Region, today: date) -> Iterator[tuple[str, str]]:
    tone = region.tone
    if not 300 <= tone.frequency <= 3400:
        yield "tone", f"{tone.frequency:g} Hz is not heard over a telephone: 300 to 3400"
    if not 0.02 <= tone.seconds <= 2:
        yield "tone", f"a beep of {tone.seconds * 1000:g} ms: 20 to 2000"
    if not SHORTEST_SILENCE <= tone.silence <= LONGEST_SILENCE:
        yield "tone", f"{tone.silence * 1000:g} ms between beeps: 5000 to 1800000"
    if region.checked and region.checked > today:
        yield "checked", f"{region.checked.isoformat()} is in the future"
    if not region.because.strip():
        yield "because", "say why: onrecord why tells it"
    if region.notice is Announce.NONE and region.audience is Audience.BOTH:
        yield "notice", "none, and yet both are to hear it"
