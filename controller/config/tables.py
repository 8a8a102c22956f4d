"""The tables of the file by name, and how one of them is read: every mistake noted, nothing raised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from controller.config import machinery, models
from controller.config.fields import Table
from controller.config.positions import Path
from controller.config.problems import Notes, meant

SINGLE: dict[str, type[Table]] = {
    "organisation": models.Organisation,
    "defaults": models.Settings,
    "numbers": models.Numbers,
    "decide": models.Decide,
    "keys": models.Keys,
    "spool": machinery.Spool,
    "store": machinery.Store,
    "journal": machinery.Journal,
    "catalogue": machinery.Catalogue,
    "control": machinery.Control,
    "web": machinery.Web,
    "watch": machinery.Watch,
    "selftest": machinery.Selftest,
    "ownership": machinery.Ownership,
    "log": machinery.Log,
}
LISTS: dict[str, type[Table]] = {
    "site": models.Site,
    "extension": models.Extension,
    "line": models.Line,
    "trunk": models.Trunk,
    "ring_group": models.RingGroup,
    "queue": models.Queue,
    "conference": models.Conference,
    "ddi": models.Ddi,
    "rule": models.Rule,
    "pbx": machinery.Pbx,
}

_T = TypeVar("_T", bound=Table)


@dataclass(slots=True)
class Tables:
    """What the file says, table by table. Entries with a mistake are noted, and `partial`: what is right of them is
    here, so that their other keys are checked too, but nothing may be concluded from what is missing."""

    single: dict[str, Table] = field(default_factory=dict)
    lists: dict[str, list[tuple[int, Table]]] = field(default_factory=dict)
    partial: set[Path] = field(default_factory=set)

    def one(self, name: str, kind: type[_T]) -> _T:
        """The table of this name; all built-in values where the file has none."""
        table = self.single.get(name)
        return table if isinstance(table, kind) else kind()

    def all(self, name: str, kind: type[_T]) -> list[tuple[int, _T]]:
        """The entries of [[name]] with their places in the file."""
        return [(place, table) for place, table in self.lists.get(name, []) if isinstance(table, kind)]


def read_tables(raw: Mapping[str, Any], notes: Notes) -> Tables:
    """Every table of the file."""
    tables = Tables()
    for name, value in raw.items():
        if name in SINGLE:
            if isinstance(value, Mapping):
                table = _read(SINGLE[name], value, (name,), notes, tables)
                if table is not None:
                    tables.single[name] = table
            else:
                notes.wrong((name,), f"this is one table: write [{name}]")
        elif name in LISTS:
            tables.lists[name] = _read_list(name, value, notes, tables)
        else:
            notes.wrong((name,), f"there is no table '{name}'{meant(name, (*SINGLE, *LISTS))}")
    return tables


def _read_list(name: str, value: object, notes: Notes, tables: Tables) -> list[tuple[int, Table]]:
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        notes.wrong((name,), f"there may be several of these: write [[{name}]] with two brackets")
        return []
    read = [(place, _read(LISTS[name], one, (name, place), notes, tables)) for place, one in enumerate(value)]
    return [(place, table) for place, table in read if table is not None]


def _read(kind: type[Table], value: Mapping[str, Any], path: Path, notes: Notes, tables: Tables) -> Table | None:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        seen: set[Path] = set()
        for detail in error.errors(include_url=False):
            where = (*path, *detail["loc"])
            if where not in seen:
                seen.add(where)
                notes.wrong(where, _said(kind, detail, value))
        bad = {where[len(path)] for where in seen if len(where) > len(path)}
    tables.partial.add(path)
    try:
        return kind.model_validate({key: one for key, one in value.items() if key not in bad})
    except ValidationError:
        return None


def _said(kind: type[Table], detail: ErrorDetails, value: Mapping[str, Any]) -> str:
    """pydantic's finding in our words, with what would be right."""
    where, context = detail["loc"], detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return f"there is no such key here{meant(str(where[-1]), _keys(kind, where[:-1]))}"
        case "missing":
            return "this key is missing"
        case "value_error":
            return str(context["error"])
        case "enum" | "literal_error":
            given = _given(value, where)
            choices = [choice.strip("' ") for choice in str(context["expected"]).replace(" or ", ", ").split(",")]
            near = meant(given, choices) if isinstance(given, str) else ""
            return f"{given!r} is none of {', '.join(choices)}{near}"
        case "model_type":
            return f"this is a table: write {{ … }} or [{where[-1]}]"
        case "string_type":
            return "write a text in quotes"
        case "bool_type":
            return "write true or false, without quotes"
        case _:
            message = detail["msg"]
            return message[:1].lower() + message[1:]


def _given(value: object, where: Sequence[str | int]) -> object:
    for part in where:
        try:
            value = value[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return value
    return value


def _keys(kind: type[BaseModel], where: Sequence[str | int]) -> Iterable[str]:
    """The keys that may stand at this place."""
    for part in where:
        annotation = kind.model_fields[str(part)].annotation if str(part) in kind.model_fields else None
        nested = [one for one in (annotation, *getattr(annotation, "__args__", ())) if isinstance(one, type)]
        inner = next((one for one in nested if issubclass(one, BaseModel)), None)
        if inner is None:
            return ()
        kind = inner
    return kind.model_fields
