"""The conditions a rule may set: one small class each, and CONDITIONS, which names them for the policy file.

To add one: write the class, add its line to CONDITIONS, add a row to tests/core/test_conditions.py, run
`python -m controller.config.reference`. docs/adding/a-condition.md shows it step by step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from fnmatch import fnmatchcase
from typing import ClassVar, Protocol

from controller.core.altered import quick
from controller.core.calls import Call, Leg
from controller.core.decision import Subject, SubjectKind
from controller.core.numbers import BadPattern, NumberList, NumberPlan, Pattern, Way, pattern
from controller.core.subjects import Remote, Roster, callers, direction, incoming, remotes, traffic
from controller.core.windows import Window, window


@quick
@dataclass(frozen=True, slots=True)
class View:
    """A call as one of its subjects sees it: all that a condition may look at. `zone` is the subject's site's."""

    call: Call
    subject: Subject
    legs: tuple[Leg, ...]
    roster: Roster
    site: str
    zone: tzinfo

    @property
    def direction(self) -> str:
        return direction(self.call, self.roster)

    @property
    def incoming(self) -> bool:
        return incoming(self.call, self.subject, self.legs)

    @property
    def remotes(self) -> tuple[Remote, ...]:
        return remotes(self.call, self.subject, self.legs, self.roster)

    @property
    def traffic(self) -> str:
        return traffic(self.remotes)

    @property
    def dialled(self) -> tuple[str, ...]:
        return tuple(leg.dialled for leg in callers(self.call) if leg.dialled)


class Condition(Protocol):
    """Something that holds for a call, as one subject sees it, or does not."""

    def holds(self, view: View) -> bool: ...

    def fact(self, view: View) -> str:
        """What is the case, for the person who asks why: "direction is outbound"."""
        ...

    def __str__(self) -> str:
        """What the rule wants, in the words of the policy file."""
        ...


class Leaf(Condition, Protocol):
    """A condition with a name of its own in the policy file. `takes` and `example` go into the reference page."""

    takes: ClassVar[str]
    example: ClassVar[str]

    @classmethod
    def read(cls, value: object, plan: NumberPlan) -> Condition:
        """The condition that this TOML value means. Raises ValueError, saying what would be right."""
        ...


@dataclass(frozen=True, slots=True)
class Direction:
    """Which way the call goes. `incoming` and `outgoing` are seen from the rule's subject (a call between two of our
    own people is outgoing for one and incoming for the other); `inbound`, `outbound` and `internal` are seen from the
    company: it comes in over a trunk, goes out over one, or neither."""

    wanted: frozenset[str]

    takes: ClassVar[str] = "one of, or a list of: incoming, outgoing, inbound, outbound, internal"
    example: ClassVar[str] = '"inbound"'
    values: ClassVar[tuple[str, ...]] = ("incoming", "outgoing", "inbound", "outbound", "internal")

    @classmethod
    def read(cls, value: object, _plan: NumberPlan) -> Direction:
        return cls(_choice(value, cls.values))

    def holds(self, view: View) -> bool:
        return view.direction in self.wanted or ("incoming" if view.incoming else "outgoing") in self.wanted

    def fact(self, view: View) -> str:
        return f"the call is {view.direction}, {'incoming' if view.incoming else 'outgoing'} for {view.subject}"

    def __str__(self) -> str:
        return f"direction {_listed(self.wanted)}"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Whether the other side belongs to the company: it is internal when it is an extension or line, or when its
    number fits one of the number plan's internal patterns; external otherwise. Holds for neither while nobody is
    known on the other side."""

    wanted: str

    takes: ClassVar[str] = "internal or external"
    example: ClassVar[str] = '"external"'
    values: ClassVar[tuple[str, ...]] = ("internal", "external")

    @classmethod
    def read(cls, value: object, _plan: NumberPlan) -> Traffic:
        wanted = _choice(value, cls.values)
        if len(wanted) > 1:
            raise ValueError("both are all calls: leave the condition out")
        return cls(next(iter(wanted)))

    def holds(self, view: View) -> bool:
        return view.traffic == self.wanted

    def fact(self, view: View) -> str:
        return f"the traffic is {view.traffic or 'not known yet'}"

    def __str__(self) -> str:
        return f"traffic {self.wanted}"


@dataclass(frozen=True, slots=True)
class RemoteNumber:
    """The number on the other side. Plain digits match exactly, `.` is one digit, `!` at the end any number of
    further digits, `100-199` a range; `{ number = "72.", direction = "to" }` matches only where that party was called
    (`from`: only where it called). As a table: `match`, `exclude`, and `include`, which beats `exclude`."""

    match: NumberList
    exclude: NumberList
    include: NumberList

    takes: ClassVar[str] = "a number pattern, a list of them, or a table with match, exclude, include"
    example: ClassVar[str] = '["0205550!", { number = "72.", direction = "to" }]'

    @classmethod
    def read(cls, value: object, plan: NumberPlan) -> RemoteNumber:
        nothing = NumberList((), plan)
        if not isinstance(value, Mapping) or "number" in value:
            return cls(number_list(value, plan), nothing, nothing)
        unknown = sorted(set(value) - {"match", "exclude", "include"})
        if unknown or not value:
            raise ValueError(f"a table here has match, exclude and include, not {', '.join(unknown) or 'nothing'}")
        if "include" in value and not {"match", "exclude"} & set(value):
            raise ValueError("include only makes exceptions from exclude: to match these numbers, use match")
        parts = (
            number_list(value[key], plan) if key in value else nothing for key in ("match", "exclude", "include")
        )
        return cls(*parts)

    def holds(self, view: View) -> bool:
        others = view.remotes
        if _found(self.include, others):
            return True
        if _found(self.exclude, others):
            return False
        return not self.match or bool(_found(self.match, others))

    def fact(self, view: View) -> str:
        numbers = ", ".join(f"{one.way.value} {one.number or 'an unknown number'}" for one in view.remotes)
        return f"the other side is {numbers or 'nobody yet'}"

    def __str__(self) -> str:
        named = {"": self.match, "except ": self.exclude, "but always ": self.include}
        return "remote " + ", ".join(f"{word}{numbers}" for word, numbers in named.items() if numbers)


@dataclass(frozen=True, slots=True)
class Dialled:
    """The number that the caller dialled, with or without the prefix for an outside line."""

    numbers: NumberList

    takes: ClassVar[str] = "a number pattern, or a list of them"
    example: ClassVar[str] = '["0800!", "*44"]'

    @classmethod
    def read(cls, value: object, plan: NumberPlan) -> Dialled:
        return cls(number_list(value, plan))

    def holds(self, view: View) -> bool:
        return any(self.numbers.find(number, dialled=True) for number in view.dialled)

    def fact(self, view: View) -> str:
        return f"{', '.join(view.dialled) or 'nothing'} was dialled"

    def __str__(self) -> str:
        return f"dialled {self.numbers}"


@dataclass(frozen=True, slots=True)
class Time:
    """When the call began, by the clock of the subject's site (else the organisation's): days and hours. A window
    over midnight belongs to the day on which it begins. A call that runs past the end stays inside."""

    windows: tuple[Window, ...]

    takes: ClassVar[str] = "a window such as mon-fri 08:00-18:00, or a list of them"
    example: ClassVar[str] = '["mon-fri 08:00-18:00", "sat 09:00-12:00"]'

    @classmethod
    def read(cls, value: object, _plan: NumberPlan) -> Time:
        return cls(tuple(window(text) for text in _texts(value)))

    def holds(self, view: View) -> bool:
        began = datetime.fromtimestamp(view.call.began_at, view.zone)
        return any(one.covers(began) for one in self.windows)

    def fact(self, view: View) -> str:
        return f"the call began on {datetime.fromtimestamp(view.call.began_at, view.zone):%a %Y-%m-%d at %H:%M}"

    def __str__(self) -> str:
        return f"time {', '.join(one.text for one in self.windows)}"


@dataclass(frozen=True, slots=True)
class Attribute:
    """What the dialplan told about the call: `Set(ONRECORD_TIER=gold)` is attribute `tier`, value `gold`. Values may
    hold `*` for any characters and `?` for one; capitals count. An attribute that was not told matches nothing."""

    wanted: tuple[tuple[str, tuple[str, ...]], ...]

    takes: ClassVar[str] = "a table: attribute = value, or attribute = list of values; all its lines must hold"
    example: ClassVar[str] = '{ tier = ["gold", "silver"], vip = "yes" }'

    @classmethod
    def read(cls, value: object, _plan: NumberPlan) -> Attribute:
        if not isinstance(value, Mapping) or not value:
            raise ValueError('name the attribute and its value, as in { vip = "yes" }')
        return cls(tuple((str(name).lower(), _texts(values)) for name, values in value.items()))

    def holds(self, view: View) -> bool:
        told = view.call.attributes
        return all(
            name in told and any(fnmatchcase(told[name], value) for value in values) for name, values in self.wanted
        )

    def fact(self, view: View) -> str:
        told = view.call.attributes
        return ", ".join(f"attribute {name} is {told.get(name, 'not set')}" for name, _ in self.wanted)

    def __str__(self) -> str:
        return ", ".join(f"attribute {name} {' or '.join(values)}" for name, values in self.wanted)


@dataclass(frozen=True, slots=True)
class Site:
    """The site to which the rule's subject belongs."""

    names: frozenset[str]

    takes: ClassVar[str] = "the name of a site, or a list of them"
    example: ClassVar[str] = '"london"'

    @classmethod
    def read(cls, value: object, _plan: NumberPlan) -> Site:
        return cls(frozenset(_texts(value)))

    def holds(self, view: View) -> bool:
        return view.site in self.names

    def fact(self, view: View) -> str:
        return f"{view.subject} belongs to {view.site or 'no site'}"

    def __str__(self) -> str:
        return f"site {_listed(self.names)}"


@dataclass(frozen=True, slots=True)
class Ddi:
    """For rules about a DDI: off, inbound (calls that dialled it), outbound (calls that show it), or both.
    Holds for nothing else than a DDI."""

    setting: str

    takes: ClassVar[str] = "off, inbound, outbound or both"
    example: ClassVar[str] = '"inbound"'
    values: ClassVar[tuple[str, ...]] = ("off", "inbound", "outbound", "both")

    @classmethod
    def read(cls, value: object, _plan: NumberPlan) -> Ddi:
        chosen = _choice(value, cls.values)
        if len(chosen) > 1:
            raise ValueError("choose one; inbound and outbound together are both")
        return cls(next(iter(chosen)))

    def holds(self, view: View) -> bool:
        if view.subject.kind is not SubjectKind.DDI or self.setting == "off":
            return False
        return self.setting == "both" or (self.setting == "inbound") is view.incoming

    def fact(self, view: View) -> str:
        if view.subject.kind is not SubjectKind.DDI:
            return f"{view.subject} is no DDI"
        return f"the DDI was {'dialled' if view.incoming else 'shown'}"

    def __str__(self) -> str:
        return f"ddi_calls {self.setting}"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of the parts. None at all would hold for every call, which nobody can have meant: it is refused."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("an empty list of conditions would hold for every call: leave it out")

    def holds(self, view: View) -> bool:
        return all(part.holds(view) for part in self.parts)

    def fact(self, view: View) -> str:
        """The first part that fails is what the person wants to know."""
        return next((part.fact(view) for part in self.parts if not part.holds(view)), self.parts[0].fact(view))

    def __str__(self) -> str:
        return " and ".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the parts; none at all never holds, and is refused because nobody can have meant it."""

    parts: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("an empty any holds for no call: leave it out")

    def holds(self, view: View) -> bool:
        return any(part.holds(view) for part in self.parts)

    def fact(self, view: View) -> str:
        return "; ".join(dict.fromkeys(part.fact(view) for part in self.parts))

    def __str__(self) -> str:
        return "(" + " or ".join(str(part) for part in self.parts) + ")"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite. Beware: while nothing is known of the other side, `not` of anything about it holds."""

    part: Condition

    def holds(self, view: View) -> bool:
        return not self.part.holds(view)

    def fact(self, view: View) -> str:
        return self.part.fact(view)

    def __str__(self) -> str:
        return f"not ({self.part})"


CONDITIONS: dict[str, type[Leaf]] = {
    "direction": Direction,
    "traffic": Traffic,
    "remote": RemoteNumber,
    "dialled": Dialled,
    "time": Time,
    "attribute": Attribute,
    "site": Site,
    "ddi_calls": Ddi,
}
"""The names that may stand in a rule's `when`, beside `not`, `any` and `all`."""

COMBINATIONS = ("not", "any", "all")

Path = tuple[str | int, ...]
Problems = list[tuple[Path, str]]
"""Where in `when` (keys and list positions) something is wrong, and what would be right."""


def read(when: object, plan: NumberPlan, problems: Problems, path: Path = ()) -> Condition | None:
    """The condition that a `when` table means; adds what is wrong with it to `problems` and returns None then."""
    if not isinstance(when, Mapping) or not when:
        problems.append((path, 'this is to be a table of conditions, such as { direction = "inbound" }'))
        return None
    parts = [_part(str(key), value, plan, problems, (*path, str(key))) for key, value in when.items()]
    good = tuple(part for part in parts if part is not None)
    if len(good) < len(parts):
        return None
    return good[0] if len(good) == 1 else AllOf(good)


def _part(key: str, value: object, plan: NumberPlan, problems: Problems, path: Path) -> Condition | None:
    if key == "not":
        inner = read(value, plan, problems, path)
        return Not(inner) if inner is not None else None
    if key in ("any", "all"):
        return _several(key, value, plan, problems, path)
    if key not in CONDITIONS:
        problems.append((path, f"there is no condition '{key}'"))
        return None
    try:
        return CONDITIONS[key].read(value, plan)
    except ValueError as error:
        problems.append((path, str(error)))
        return None


def _several(key: str, value: object, plan: NumberPlan, problems: Problems, path: Path) -> Condition | None:
    if not isinstance(value, list) or not value:
        problems.append((path, f'{key} takes a list of tables: {key} = [{{ direction = "inbound" }}, {{ … }}]'))
        return None
    parts = [read(one, plan, problems, (*path, place)) for place, one in enumerate(value)]
    good = tuple(part for part in parts if part is not None)
    if len(good) < len(parts):
        return None
    return AllOf(good) if key == "all" else AnyOf(good)


def number_list(value: object, plan: NumberPlan) -> NumberList:
    """One pattern or a list of them, each text or { number, direction }. Raises ValueError."""
    entries = value if isinstance(value, list | tuple) else [value]
    if not entries:
        raise ValueError("an empty list matches no number: leave it out")
    return NumberList(tuple(_pattern(entry, plan) for entry in entries), plan)


def _pattern(entry: object, plan: NumberPlan) -> Pattern:
    if isinstance(entry, str):
        return pattern(entry, plan)
    if isinstance(entry, Mapping) and isinstance(entry.get("number"), str) and set(entry) <= {"number", "direction"}:
        ways = {"to": Way.TO, "from": Way.FROM, "both": None}
        way = str(entry.get("direction", "both"))
        if way not in ways:
            raise ValueError(f"direction is to, from or both, not '{way}'")
        return pattern(entry["number"], plan, ways[way])
    if isinstance(entry, int) and not isinstance(entry, bool):
        raise BadPattern(f'write {entry} in quotes ("{entry}"): a number without them loses its leading zeros')
    raise BadPattern('write a number pattern in quotes, or { number = "72.", direction = "to" }')


def _found(numbers: NumberList, others: tuple[Remote, ...]) -> bool:
    return bool(numbers) and any(
        numbers.find(one.number, one.way, dialled=one.way is Way.TO) for one in others if one.number
    )


def _choice(value: object, values: tuple[str, ...]) -> frozenset[str]:
    chosen = frozenset(_texts(value))
    for one in chosen:
        if one not in values:
            raise ValueError(f"'{one}' is none of {', '.join(values)}")
    return chosen


def _texts(value: object) -> tuple[str, ...]:
    entries = value if isinstance(value, list | tuple) else [value]
    texts = tuple(entry for entry in entries if isinstance(entry, str))
    if not texts or len(texts) < len(entries):
        raise ValueError("write a text in quotes, or a list of them")
    return texts


def _listed(values: frozenset[str]) -> str:
    return " or ".join(sorted(values))
