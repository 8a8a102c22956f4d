"""replace(): as that of dataclasses, several times as fast. Each event alters a few records: time goes here.

The original asks each field for its value by name and then runs a frozen class's __init__, which goes round the
freezing field by field. Here a copier is written once for each class and each set of changed fields. It fills a
draft, a class with the same __slots__ that is not frozen, and then makes the draft a record: assigning __class__ is
allowed where both classes have the same slots (Python's data model, "Notes on using __slots__").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

__all__ = ["replace"]

_COPIERS: dict[tuple[Any, ...], Callable[..., Any]] = {}
"""By class and names of the fields that change. The names come from our own code, so there are few."""


def _replace(record: Any, /, **changes: Any) -> Any:
    """A copy of a frozen, slotted record with these fields changed. Raises TypeError for a field that it has not."""
    key = (record.__class__, *changes)
    copier = _COPIERS.get(key)
    if copier is None:
        copier = _COPIERS[key] = _copier(record.__class__, tuple(changes))
    return copier(record, **changes)


def _copier(kind: Any, changed: tuple[str, ...]) -> Callable[..., Any]:
    names = [field.name for field in dataclasses.fields(kind) if field.init]
    plain = tuple(names) == getattr(kind, "__slots__", None) and not hasattr(kind, "__post_init__")
    if not plain or not set(changed) <= set(names) or any(name.startswith("_") for name in names):
        return dataclasses.replace  # it also finds the words for what is wrong
    draft = type(f"{kind.__name__}Draft", (), {"__slots__": tuple(names)})
    filled = "".join(f"    _new.{name} = {name if name in changed else f'_old.{name}'}\n" for name in names)
    known: dict[str, Any] = {"_make": object.__new__, "_draft": draft, "_kind": kind}
    takes = ", ".join(["_old", *(["*"] if changed else []), *changed])
    # Only names of fields are in this text, as in what dataclasses itself writes.
    text = f"def copy({takes}):\n    _new = _make(_draft)\n{filled}    _new.__class__ = _kind\n    return _new\n"
    exec(text, known)  # noqa: S102
    copy: Callable[..., Any] = known["copy"]
    return copy


if TYPE_CHECKING:
    from dataclasses import replace  # so that fields and types are checked as they are there
else:
    replace = _replace
