"""Writes docs/reference/configuration.md from the field descriptions.

`python -m controller.config.reference` writes it, with `--check` it only says whether the page is current.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from controller.config import machinery, models
from controller.config.fields import Table
from controller.config.tables import LISTS, SINGLE
from controller.core.conditions import CONDITIONS
from controller.core.decision import Destination

PAGE = Path("docs/reference/configuration.md")
_HEAD = """# The configuration file

This page is made by `python -m controller.config.reference` from the descriptions in the code; do not edit it.
[docs/policy.md](../policy.md) explains how rules work together, and [the examples](../examples/) show whole files.

One TOML file, by default `/etc/onrecord/onrecord.toml`. Unknown keys are refused. Every mistake is reported at once,
with its line and what would be right; while the file has one, the rules that were in force stay in force. Telephone
numbers are written in quotes. A list of one may be written without brackets. Lengths of time are seconds, or texts
such as `"30 s"`, `"5 min"`, `"4 h"`. Relative paths start at the folder of the file.
"""
_WHEN = """## when

The conditions of a rule, all of which must hold: `when = { direction = "inbound", time = "mon-fri 08:00-18:00" }`,
or a table of its own, `[rule.when]`, below the rule. `not = { … }` is the opposite of its conditions taken together;
`any = [{ … }, { … }]` wants one of the tables to hold, `all = [{ … }, { … }]` every one.
"""
_ORDER = ("organisation", "numbers", "site", "extension", "line", "trunk", "ring_group", "queue", "conference", "ddi")
_SETTINGS = tuple(models.Settings.model_fields)


def page() -> str:
    """The whole page."""
    tables = {**SINGLE, **LISTS}
    names = [*_ORDER, "rule", "when", "defaults", "decide", "pbx"]
    names += [name for name in tables if name not in names]
    parts = [_HEAD, *("".join(_section(name, tables)) for name in names)]
    return "\n".join(parts)


def _section(name: str, tables: dict[str, type[Table]]) -> Iterator[str]:
    if name == "when":
        yield from _conditions()
        return
    kind = tables[name]
    yield f"## {f'[[{name}]]' if name in LISTS else f'[{name}]'}\n\n"
    if kind is models.Settings:
        yield "What holds for the whole organisation, where neither a rule nor a site says otherwise.\n\n"
    else:
        yield _sentences(kind, f"[{name}]") + "\n\n"
    own = {key: info for key, info in kind.model_fields.items() if kind is models.Settings or key not in _SETTINGS}
    yield from _keys(own)
    if issubclass(kind, models.Settings) and kind is not models.Settings:
        yield "\nAlso every key of [[defaults]](#defaults): what is left out is inherited from there.\n"
    if kind is machinery.Pbx:
        for door, inner in (("ami", machinery.Ami), ("ari", machinery.Ari)):
            yield f"\n### {door}\n\n{_sentences(inner, '')}\n\n"
            yield from _keys(inner.model_fields)
    if kind is models.Keys:
        yield f"\n### codes\n\n{_sentences(models.Codes, '')}\n\n"
        yield from _keys(models.Codes.model_fields)


def _conditions() -> Iterator[str]:
    yield _WHEN
    for name, kind in CONDITIONS.items():
        text = " ".join(inspect.cleandoc(kind.__doc__ or "").split())
        yield f"\n### {name}\n\n{text}\n\nTakes {kind.takes}: `{name} = {kind.example}`\n"


def _sentences(kind: type[Table], lead: str) -> str:
    """The docstring, without the table's own name in front."""
    text = inspect.cleandoc(kind.__doc__ or "")
    if lead and text.startswith("["):
        text = text.partition(":")[2].strip()
    return text[:1].upper() + text[1:]


def _keys(fields: dict[str, FieldInfo]) -> Iterator[str]:
    yield "| key | takes | left out | |\n| --- | --- | --- | --- |\n"
    for name, info in fields.items():
        yield f"| `{name}` | {_takes(info)} | {_left_out(info)} | {info.description} |\n"


def _left_out(info: FieldInfo) -> str:
    if info.is_required():
        return "**required**"
    value = info.default
    if isinstance(value, SecretStr | models.Codes) or value in (None, "", ()):
        return ""
    if isinstance(value, Enum):
        value = value.value
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _takes(info: FieldInfo) -> str:
    words = dict.fromkeys(_words(info.annotation, info.description or ""))
    return ", ".join(words)


def _words(kind: Any, description: str) -> Iterator[str]:
    if get_origin(kind) in (Union, UnionType):
        for one in get_args(kind):
            if one is not NoneType:
                yield from _words(one, description)
    elif get_origin(kind) is tuple:
        inner = ", ".join(dict.fromkeys(_words(get_args(kind)[0], description)))
        yield f"list of {inner or 'number patterns'}"
    elif get_origin(kind) is dict:
        yield "table"
    elif isinstance(kind, type) and issubclass(kind, Enum):
        yield " \\| ".join(f"`{one.value}`" for one in kind)
    elif get_args(kind):
        if all(isinstance(one, str) for one in get_args(kind)):
            yield " \\| ".join(f"`{one}`" for one in get_args(kind))
        else:
            yield from _words(get_args(kind)[0], description)
    else:
        yield _NAMES.get(kind, "table" if isinstance(kind, type) and issubclass(kind, Table) else "number pattern")


_NAMES: dict[Any, str] = {
    str: "text",
    float: "time",
    int: "number",
    bool: "true/false",
    Path: "path",
    Destination: "place in the dialplan",
    SecretStr: "text",
}


def main(arguments: list[str]) -> int:
    """Write the page, or with --check say whether it is current. The exit code: 0 current, 1 not."""
    if "--check" in arguments:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == page()
        if not current:
            print(f"{PAGE} is not current: run `python -m controller.config.reference`", file=sys.stderr)
        return 0 if current else 1
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
