"""Values as they are written in the policy file: one text or a list of them, a choice, number patterns."""

from __future__ import annotations

from collections.abc import Mapping

from controller.core.numbers import BadPattern, NumberList, NumberPlan, Pattern, Way, pattern


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


def choice(value: object, values: tuple[str, ...]) -> frozenset[str]:
    chosen = frozenset(texts(value))
    for one in chosen:
        if one not in values:
            raise ValueError(f"'{one}' is none of {', '.join(values)}")
    return chosen


def texts(value: object) -> tuple[str, ...]:
    entries = value if isinstance(value, list | tuple) else [value]
    found = tuple(entry for entry in entries if isinstance(entry, str))
    if not found or len(found) < len(entries):
        raise ValueError("write a text in quotes, or a list of them")
    return found
