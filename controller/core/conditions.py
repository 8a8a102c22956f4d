"""The conditions a rule may set: one small class each, and CONDITIONS, which names them for the policy file.

To add one: write the class, add its line to CONDITIONS, add a row to tests/core/test_conditions.py, run
`python -m controller.config.reference`. docs/adding/a-condition.md shows it step by step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import ClassVar

from controller.core.decision import SubjectKind
from controller.core.numbers import NumberList, NumberPlan, Way
from controller.core.subjects import Remote
from controller.core.view import Leaf, View
from controller.core.windows import Window, window
from controller.core.written import choice, number_list, texts


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
        return cls(choice(value, cls.values))

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
        wanted = choice(value, cls.values)
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
        return cls(tuple(window(text) for text in texts(value)))

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
        return cls(tuple((str(name).lower(), texts(values)) for name, values in value.items()))

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
        return cls(frozenset(texts(value)))

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
        chosen = choice(value, cls.values)
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


def _found(numbers: NumberList, others: tuple[Remote, ...]) -> bool:
    return bool(numbers) and any(
        numbers.find(one.number, one.way, dialled=one.way is Way.TO) for one in others if one.number
    )


def _listed(values: frozenset[str]) -> str:
    return " or ".join(sorted(values))
