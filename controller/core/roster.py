"""Roster: who and what is on the PBX, as far as somebody listed it. A tiny installation lists only its trunks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from controller.core.calls import Leg
from controller.core.commands import pbx_of
from controller.core.decision import Subject, SubjectKind
from controller.core.numbers import MOST_REMEMBERED, NumberList, NumberPlan


class Party(Enum):
    """On which side of the company's door somebody stands."""

    INTERNAL = "internal"
    EXTERNAL = "external"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Extension:
    """A person, or a room with a phone. `endpoints` () means: the endpoint that is called like the number."""

    number: str
    name: str = ""
    department: str = ""
    groups: frozenset[str] = frozenset()
    site: str = ""
    endpoints: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()  # of its phones, twelve hexadecimal digits each
    phone: str = ""  # the family of phones that show more than a lamp


@dataclass(frozen=True, slots=True)
class Line:
    """A shared or virtual line with a recording identity of its own (W-13): its endpoints are no person's."""

    name: str
    endpoints: tuple[str, ...]
    department: str = ""
    groups: frozenset[str] = frozenset()
    site: str = ""


@dataclass(frozen=True, slots=True)
class Trunk:
    """A way to the outside. `endpoints` () means: the endpoint that is called like the trunk."""

    name: str
    endpoints: tuple[str, ...] = ()
    site: str = ""


@dataclass(frozen=True, slots=True)
class RingGroup:
    number: str
    name: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A queue, conference or DDI that is listed, so that it has a site and its name can be checked."""

    kind: SubjectKind
    name: str
    site: str = ""


Listed = tuple[Subject, Party]


@dataclass(frozen=True, slots=True)
class Roster:
    """What an endpoint is: listed under a trunk, a line or an extension; else an extension of the endpoint's name.

    An endpoint may be written `<pbx>/<endpoint>` where two PBXs use the same name for different things.
    """

    extensions: tuple[Extension, ...] = ()
    lines: tuple[Line, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    ring_groups: tuple[RingGroup, ...] = ()
    places: tuple[Place, ...] = ()
    internal: NumberList = field(default_factory=NumberList)
    plan: NumberPlan = field(default_factory=NumberPlan)
    _at: dict[str, Listed] = field(default_factory=dict, init=False, repr=False, compare=False)
    _sites: dict[Subject, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _groups: dict[str, Subject] = field(default_factory=dict, init=False, repr=False, compare=False)
    _numbers: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    _unlisted: dict[str, Listed] = field(default_factory=dict, init=False, repr=False, compare=False)
    _scoped: bool = field(default=False, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for extension in self.extensions:
            subject = Subject(SubjectKind.EXTENSION, extension.number)
            self._list(subject, Party.INTERNAL, extension.endpoints or (extension.number,), extension.site)
            self._numbers.add(extension.number)
        for line in self.lines:
            self._list(Subject(SubjectKind.LINE, line.name), Party.INTERNAL, line.endpoints, line.site)
        for trunk in self.trunks:
            subject = Subject(SubjectKind.TRUNK, trunk.name)
            self._list(subject, Party.EXTERNAL, trunk.endpoints or (trunk.name,), trunk.site)
        for group in self.ring_groups:
            subject = Subject(SubjectKind.RING_GROUP, group.number)
            self._sites[subject] = group.site
            self._groups[group.number] = subject
            if group.name:
                self._groups[group.name] = subject
        for place in self.places:
            name = self.plan.canonical(place.name) if place.kind is SubjectKind.DDI else place.name
            self._sites[Subject(place.kind, name)] = place.site

    def _list(self, subject: Subject, party: Party, endpoints: tuple[str, ...], site: str) -> None:
        self._sites[subject] = site
        for endpoint in endpoints:
            self._at[endpoint] = (subject, party)
            if "/" in endpoint:
                object.__setattr__(self, "_scoped", True)

    @property
    def people_listed(self) -> bool:
        """Whether somebody wrote down who the people are; without it every phone is somebody."""
        return bool(self.extensions or self.lines)

    def who(self, leg: Leg) -> Listed | None:
        """The subject at this leg's endpoint and its side of the door; None for a local half and the unknown."""
        if leg.local:
            return None
        endpoint = leg.endpoint
        if not endpoint:
            return None
        listed = self.listed(leg) if self._scoped else self._at.get(endpoint)
        return listed or self._unlisted.get(endpoint) or self._extension(endpoint)

    def _extension(self, endpoint: str) -> Listed:
        """The extension that an endpoint nobody listed stands for; remembered, for it is asked often."""
        if len(self._unlisted) >= MOST_REMEMBERED:
            self._unlisted.clear()
        known = self._unlisted[endpoint] = (Subject(SubjectKind.EXTENSION, endpoint), Party.INTERNAL)
        return known

    def listed(self, leg: Leg) -> Listed | None:
        """As `who`, for listed endpoints only."""
        if self._scoped:
            scoped = self._at.get(f"{pbx_of(leg.id)}/{leg.endpoint}")
            if scoped is not None:
                return scoped
        return self._at.get(leg.endpoint)

    def site_of(self, subject: Subject) -> str:
        return self._sites.get(subject, "")

    def ring_group(self, name: str) -> Subject | None:
        """The listed ring group of this number or name."""
        return self._groups.get(name)

    def is_internal(self, number: str) -> bool:
        """Whether a number belongs to the company: an extension's, or one of the number plan's patterns (I-15)."""
        if number in self._numbers:
            return True
        return self.internal.find(number) is not None
