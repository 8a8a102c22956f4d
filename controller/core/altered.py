"""Frozen records, made (@quick) and altered (replace) several times as fast as dataclasses does it.

The original asks each field for its value by name and then runs a frozen class's __init__, which goes round the
freezing field by field. Here a copier is written once for each class and each set of changed fields. It fills a
draft, a class with the same __slots__ that is not frozen, and then makes the draft a record: assigning __class__ is
allowed where both classes have the same slots (Python's data model, "Notes on using __slots__").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["quick", "replace"]

Record = TypeVar("Record")

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
    draft = _draft(kind, tuple(names))
    filled = "".join(f"    _new.{name} = {name if name in changed else f'_old.{name}'}\n" for name in names)
    known: dict[str, Any] = {"_make": object.__new__, "_draft": draft, "_kind": kind}
    takes = ", ".join(["_old", *(["*"] if changed else []), *changed])
    # Only names of fields are in this text, as in what dataclasses itself writes.
    text = f"def copy({takes}):\n    _new = _make(_draft)\n{filled}    _new.__class__ = _kind\n    return _new\n"
    exec(text, known)  # noqa: S102
    copy: Callable[..., Any] = known["copy"]
    return copy


def quick(kind: type[Record]) -> type[Record]:
    """Gives a frozen, slotted dataclass an __init__ of half the price, which fills a draft and then freezes it, and
    an __eq__ that sees at once when both are the same object, as nearly always."""
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    names = tuple(field.name for field in fields)
    plain = names == getattr(kind, "__slots__", None) and not hasattr(kind, "__post_init__")
    if not plain or not all(field.init for field in fields):
        raise TypeError(f"{kind.__name__} is no plain record")
    known: dict[str, Any] = {
        "_kind": kind,
        "_draft": _draft(kind, names),
        "_set": object.__setattr__,
        "_new": object(),
    }
    takes, filled = [], []
    for field in fields:
        value = field.name
        if field.default_factory is not dataclasses.MISSING:
            known[f"_make_{field.name}"] = field.default_factory
            value = f"{field.name} if {field.name} is not _new else _make_{field.name}()"
            takes.append(f"{field.name}=_new")
        elif field.default is not dataclasses.MISSING:
            known[f"_default_{field.name}"] = field.default
            takes.append(f"{field.name}=_default_{field.name}")
        else:
            takes.append(field.name)
        filled.append(f"    _self.{field.name} = {value}\n")
    same = "".join(f" and _self.{name} == _other.{name}" for name in names)
    text = f"""
def __init__(_self, {", ".join(takes)}):
    _set(_self, '__class__', _draft)
{"".join(filled)}    _self.__class__ = _kind

def __eq__(_self, _other):
    if _self is _other:
        return True
    return _other.__class__ is _kind{same} if isinstance(_other, _kind) else NotImplemented
"""
    exec(text, known)  # noqa: S102
    kind.__init__ = known["__init__"]  # type: ignore[method-assign]
    kind.__eq__ = known["__eq__"]  # type: ignore[method-assign]
    return kind


def _draft(kind: type, names: tuple[str, ...]) -> type:
    return type(f"{kind.__name__}Draft", (), {"__slots__": names})


if TYPE_CHECKING:
    from dataclasses import replace  # so that fields and types are checked as they are there
else:
    replace = _replace
