"""Telephone numbers as a policy sees them: the spellings of one number, and the patterns people write (I-17)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

MOST_DIGITS = 64
"""A number longer than this is noise; E.164 allows 15, dial strings with codes a few more."""
MOST_REMEMBERED = 8192
"""Numbers come from the network: what is remembered about them is thrown away when it reaches this size."""

_NOT_DIALLED = re.compile(r"[^0-9*#]")
_SCHEME = re.compile(r"^(sips?|tel):", re.IGNORECASE)


def clean(text: str) -> str:
    """Only what can be dialled: a leading +, digits, * and #. A URI loses its scheme, host and parameters."""
    text = _SCHEME.sub("", text.strip()).partition("@")[0].partition(";")[0]
    plus = "+" if text.startswith("+") else ""
    return plus + _NOT_DIALLED.sub("", text)[:MOST_DIGITS]


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """How numbers are dialled here. With an empty country code only + and the international prefix are understood.

    `national_lengths` are the lengths of a national number without its prefix; `prefix_optional` says that people
    dial such a number with or without it (North America, Spain). Country data comes from the configuration.
    """

    country_code: str = ""
    international_prefix: str = "00"
    national_prefix: str = ""
    national_lengths: frozenset[int] = frozenset()
    prefix_optional: bool = False
    outside_prefix: str = ""  # what phones dial before an outside number, such as 9
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def spellings(self, number: str) -> tuple[str, ...]:
        """How this number may be written in a rule, the unmistakable form first; () when nothing can be dialled.

        A home number: +44205550123 and 0205550123. A foreign one: +33123456789 and 0033123456789. A short or
        internal one: itself. So `00!` means abroad only, and `+44!` means this country only.
        """
        known = self._known.get(number)
        if known is None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            known = self._known[number] = self._spell(clean(number))
        return known

    def dialled(self, number: str) -> tuple[str, ...]:
        """As spellings, for what a phone dialled: with and without the outside prefix."""
        known = self.spellings(number)
        prefix = self.outside_prefix
        if prefix and known and known[-1].startswith(prefix) and len(known[-1]) >= len(prefix) + 3:
            return known + self.spellings(known[-1][len(prefix) :])
        return known

    def canonical(self, number: str) -> str:
        """One name for one number, however the carrier wrote it; text without digits is returned as it is."""
        known = self.spellings(number)
        return known[0] if known and known[0] != "+" else number

    def _spell(self, number: str) -> tuple[str, ...]:
        abroad = self._international(number)
        if abroad is None:
            return (number,) if number else ()
        if not self.country_code or not abroad.startswith(self.country_code):
            return ("+" + abroad, self.international_prefix + abroad)
        home = abroad.removeprefix(self.country_code)
        if self.national_prefix == "0":  # +44 (0)20 … is a common way to write it wrong
            home = home.removeprefix("0")
        forms = ["+" + self.country_code + home, self.national_prefix + home]
        if self.prefix_optional or len(home) <= 6:  # 116123 arrives as +49116123
            forms.append(home)
        return tuple(dict.fromkeys(forms))

    def _international(self, number: str) -> str | None:
        """The digits after the +, or None for a short number."""
        if number.startswith("+"):
            return number[1:]
        if self.international_prefix and number.startswith(self.international_prefix) and len(number) > 6:
            return number.removeprefix(self.international_prefix)
        if not self.country_code:
            return None
        prefix = self.national_prefix
        if prefix and number.startswith(prefix) and len(number) - len(prefix) in self.national_lengths:
            return self.country_code + number.removeprefix(prefix)
        if self.prefix_optional and len(number) >= 7 and len(number) in self.national_lengths:
            return self.country_code + number
        return None


_K = TypeVar("_K")
_V = TypeVar("_V")


def remember(memory: dict[_K, _V], key: _K, value: _V) -> _V:
    """Keep a value that can be worked out again; calls bring the keys, so the memory is emptied when it is full."""
    if len(memory) >= MOST_REMEMBERED:
        memory.clear()
    memory[key] = value
    return value


class Way(Enum):
    """Who called whom, seen from the remote party."""

    FROM = "from"  # the remote party called
    TO = "to"  # the remote party was called


class BadPattern(ValueError):
    """A number or pattern that cannot be meant; the text says what would be right."""


_RANGE = re.compile(r"^(\+?[0-9]+)\s*-\s*(\+?[0-9]+)$")
_PATTERN = re.compile(r"^\+?[0-9*#.]*!?$")
_SEPARATORS = str.maketrans("", "", " ()/\u00a0")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Plain digits match exactly; `.` is exactly one digit; a final `!` is any number of further digits; `100-199`.

    Build it with `pattern`, which checks the text. `way` None: the remote party in either direction.
    """

    text: str
    way: Way | None = None
    _exact: str = ""
    _ends: tuple[str, str] | None = None
    _shape: re.Pattern[str] | None = None

    @property
    def exact(self) -> str:
        """The one number it matches, or "" when it may match several."""
        return self._exact

    def matches(self, spellings: Iterable[str], way: Way | None = None) -> bool:
        """Whether one of the spellings of a number is meant. A `way` of None is a number of unknown direction."""
        if self.way is not None and way is not None and way is not self.way:
            return False
        if self._exact:
            return self._exact in spellings
        if self._ends is not None:
            low, high = self._ends
            return any(len(one) == len(low) and low <= one <= high for one in spellings)
        shape = self._shape
        return shape is not None and any(shape.fullmatch(one) for one in spellings)

    def __str__(self) -> str:
        return self.text if self.way is None else f"{self.way.value} {self.text}"


def pattern(text: str, plan: NumberPlan | None = None, way: Way | None = None) -> Pattern:
    """The pattern that this text means. Raises BadPattern."""
    ends = _RANGE.match(text.strip())
    if ends:
        return _range(text.strip(), ends[1], ends[2], way)
    if "-" in text:
        raise BadPattern(
            f"'{text}': a hyphen makes a range of two equally long numbers (100-199); "
            "write a telephone number without hyphens"
        )
    bare = text.translate(_SEPARATORS)
    if not bare or bare == "+":
        raise BadPattern(f"'{text}' is empty: write digits, . for one digit, ! at the end for any further digits")
    if not _PATTERN.match(bare):
        raise BadPattern(
            f"'{text}' is no number pattern: digits match exactly, . is one digit, "
            "! stands at the end for any number of further digits, + may come first"
        )
    bare = _abroad_as_plus(bare, plan)
    if "." not in bare and "!" not in bare:
        return Pattern(text, way, _exact=bare)
    shape = re.escape(bare).replace(r"\.", "[0-9]").replace("!", "[0-9]*")
    return Pattern(text, way, _shape=re.compile(shape))


def _range(text: str, low: str, high: str, way: Way | None) -> Pattern:
    if len(low) != len(high):
        raise BadPattern(
            f"'{text}': both ends of a range must be equally long; write a telephone number without hyphens"
        )
    if low > high:
        raise BadPattern(f"'{text}': the range runs backwards; write {high}-{low}")
    return Pattern(text, way, _ends=(low, high))


def _abroad_as_plus(bare: str, plan: NumberPlan | None) -> str:
    """0044205! is written +44205! here, because a home number is never spelled with the international prefix."""
    home = plan.international_prefix + plan.country_code if plan and plan.country_code else ""
    return "+" + bare.removeprefix(plan.international_prefix) if plan and home and bare.startswith(home) else bare


def examples(one: Pattern) -> tuple[str, ...]:
    """A few numbers that this pattern matches, for the person who wrote it (I-17: `72.` is 720 to 729)."""
    if one.exact:
        return (one.exact,)
    if one._ends is not None:
        return tuple(dict.fromkeys(one._ends))
    bare = one.text.translate(_SEPARATORS)
    fixed = bare.removesuffix("!")
    samples = [fixed.replace(".", digit) for digit in ("0", "1", "9")] if "." in fixed else [fixed]
    if bare.endswith("!"):
        samples += [samples[0] + "0", samples[0] + "12345"]
    return tuple(sample for sample in dict.fromkeys(samples) if sample and one.matches((sample,)))


@dataclass(frozen=True, slots=True)
class NumberList:
    """Many patterns, asked often: an exact one costs the same whether there is one or ten thousand."""

    patterns: tuple[Pattern, ...] = ()
    plan: NumberPlan = field(default_factory=NumberPlan)
    _exact: dict[str, tuple[Pattern, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _loose: list[Pattern] = field(default_factory=list, init=False, repr=False, compare=False)
    _strangers: set[tuple[str, bool]] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for one in self.patterns:
            if one.exact:
                self._exact[one.exact] = (*self._exact.get(one.exact, ()), one)
            else:
                self._loose.append(one)

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def find(self, number: str, way: Way | None = None, dialled: bool = False) -> Pattern | None:
        """The pattern that this number matches, or None. `dialled`: the number may begin with the outside prefix."""
        if not self.patterns or (number, dialled) in self._strangers:
            return None
        spellings = self.plan.dialled(number) if dialled else self.plan.spellings(number)
        for one in spellings:
            for candidate in self._exact.get(one, ()):
                if candidate.matches(spellings, way):
                    return candidate
        found = next((one for one in self._loose if one.matches(spellings, way)), None)
        if found is None and (way is None or not any(one.matches(spellings) for one in self.patterns)):
            if len(self._strangers) >= MOST_REMEMBERED:
                self._strangers.clear()
            self._strangers.add((number, dialled))
        return found

    def __str__(self) -> str:
        return ", ".join(str(one) for one in self.patterns)
