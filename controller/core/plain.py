"""Frozen records to plain JSON values and back, by their type hints. Pure; for what outlives this process."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def to_plain(value: Any) -> Any:
    """Dictionaries, lists, text, numbers and None; sets are sorted, so that equal records give equal text."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, frozenset | set):
        return sorted(to_plain(item) for item in value)
    return value


def from_plain(kind: type[Record], row: Any) -> Record:
    """The record that to_plain wrote. Unknown keys are left out and missing ones take their default, so that another
    version's files stay readable. Raises KeyError, TypeError or ValueError for what is not such a record."""
    built: Record = _typed(row, kind)
    return built


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _typed(value: Any, hint: Any) -> Any:
    if hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return None if value is None else _typed(value, next(a for a in get_args(hint) if a is not type(None)))
    if origin is tuple:
        return _tuple(value, get_args(hint))
    if origin is frozenset:
        return frozenset(_typed(item, get_args(hint)[0]) for item in value)
    if isinstance(hint, type):
        return _of_class(value, hint)
    return value


def _tuple(value: Any, inner: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_typed(item, inner[0]) for item in value)
    return tuple(_typed(item, kind) for item, kind in zip(value, inner, strict=True))


def _of_class(value: Any, kind: type) -> Any:
    if is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{field.name: _typed(value[field.name], hints[field.name]) for field in _given(kind, value)})
    if issubclass(kind, Enum):
        return kind(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _given(kind: Any, row: Any) -> list[Any]:
    if not isinstance(row, dict):
        raise TypeError(f"{row!r} is no {kind.__name__}")
    return [field for field in fields(kind) if field.init and field.name in row]
