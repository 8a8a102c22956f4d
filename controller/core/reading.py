"""Reads a rule's `when`: which condition it means, or what is wrong with it and where."""

from __future__ import annotations

from collections.abc import Mapping

from controller.core.combinations import AllOf, AnyOf, Not
from controller.core.conditions import CONDITIONS
from controller.core.numbers import NumberPlan
from controller.core.view import Condition

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
