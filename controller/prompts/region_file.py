"""prompts/regions.toml and the site's own regions.toml as rows: every mistake found, all at once."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from controller.core.decision import Announce, Audience
from controller.core.regions import UNKNOWN, Region, Regions, Tone, contradictions
from controller.prompts.manifest import HOME

OWN = "regions.toml"
"""Its name beside onrecord.toml."""
OURS = HOME / OWN
KEYS = {
    "name",
    "prefixes",
    "notice",
    "audience",
    "tone",
    "retention_days",
    "residency",
    "because",
    "sources",
    "checked",
}
TOP = {"unknown", "elsewhere", "tone", "region", "site"}
PREFIX = re.compile(r"\+[1-9][0-9]{0,7}")
CODE = re.compile(r"[a-z]{2}(-[a-z0-9]{1,12})*")


class BadRegions(Exception):
    """The file cannot be used; every mistake, one a line, each with file and key."""

    def __init__(self, path: Path, problems: list[tuple[str, str]]) -> None:
        self.path, self.problems = path, tuple(problems)
        super().__init__("\n".join(f"{path}: {key}: {what}" if key else f"{path}: {what}" for key, what in problems))


def regions(own: Path | None = None, today: date | None = None) -> Regions:
    """Our rows; those of the site's `own` file, where there is one, replace them key by key. Raises BadRegions."""
    when = today or datetime.now(UTC).date()
    ours = _ours(when)
    return ours if own is None or not own.exists() else _read(own, ours, when)


@functools.cache
def _ours(today: date) -> Regions:
    return _read(OURS, None, today)


def _read(path: Path, base: Regions | None, today: date) -> Regions:
    raw, problems = _toml(path), list[tuple[str, str]]()
    problems += [(key, f"there is no such key: {', '.join(sorted(TOP))}") for key in raw if key not in TOP]
    rows = _Rows(base, problems)
    rows.tone = rows.read_tone("tone", raw["tone"], rows.tone) if "tone" in raw else rows.tone
    known = dict(base.by_code) if base else {}
    for code, row in _table(raw.get("region", {}), "region", problems).items():
        if not CODE.fullmatch(code):
            problems.append(
                (f"region.{code}", "a code is two small letters, and perhaps more after a hyphen: us, us-ca")
            )
        known[code] = rows.region(f"region.{code}", code, row, known.get(code))
    unknown = (
        rows.region(UNKNOWN, UNKNOWN, raw["unknown"], base.unknown if base else None) if "unknown" in raw else None
    )
    sites = {name: str(code) for name, code in _table(raw.get("site", {}), "site", problems).items()}
    elsewhere = rows.prefixes("elsewhere", raw.get("elsewhere", base.elsewhere if base else []))
    if unknown is None and base is None:
        problems.append(("unknown", "it says what holds where nothing is known: it cannot be left out"))
    if problems:
        raise BadRegions(path, problems)
    made = Regions(known, unknown or base.unknown, elsewhere, sites)  # type: ignore[union-attr]
    if odd := list(contradictions(made, today)):
        raise BadRegions(path, odd)
    return made


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRegions(path, [("", error.strerror or str(error))]) from error
    except UnicodeDecodeError as error:
        raise BadRegions(path, [("", "it is no UTF-8 text")]) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadRegions(path, [("", str(error))]) from error


def _table(value: Any, key: str, problems: list[tuple[str, str]]) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    problems.append((key, "it must be a table"))
    return {}


class _Rows:
    """Reads rows and notes what is wrong with them."""

    def __init__(self, base: Regions | None, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        self.own = base is not None
        self.tone = base.unknown.tone if base else Tone(1400, 0.5, 15)

    def region(self, key: str, code: str, raw: Any, old: Region | None) -> Region:
        row = _table(raw, key, self.problems)
        for strange in sorted(set(row) - KEYS):
            self.problems.append((f"{key}.{strange}", f"there is no such key: {', '.join(sorted(KEYS))}"))
        begun = old or Region(code, code, Announce.OPT_IN, Audience.BOTH, self.tone, "")
        if old is None and not {"notice", "audience", "because"} <= set(row):
            self.problems.append((key, "a new region needs notice, audience and because"))
        if self.own and "because" not in row:
            self.problems.append((f"{key}.because", "a row of your own says why: onrecord why tells it"))
        return replace(
            begun,
            name=self.text(f"{key}.name", row.get("name", begun.name)),
            notice=self.word(f"{key}.notice", row.get("notice", begun.notice.value), Announce, begun.notice),
            audience=self.word(
                f"{key}.audience", row.get("audience", begun.audience.value), Audience, begun.audience
            ),
            tone=self.read_tone(f"{key}.tone", row["tone"], begun.tone) if "tone" in row else begun.tone,
            because=self.text(f"{key}.because", row.get("because", begun.because)),
            prefixes=self.prefixes(f"{key}.prefixes", row["prefixes"]) if "prefixes" in row else begun.prefixes,
            retention_days=self.days(f"{key}.retention_days", row.get("retention_days", begun.retention_days)),
            residency=self.text(f"{key}.residency", row.get("residency", begun.residency)),
            sources=tuple(self.texts(f"{key}.sources", row.get("sources", () if self.own else begun.sources))),
            checked=self.day(f"{key}.checked", row.get("checked", None if self.own else begun.checked)),
            own=self.own,
        )

    def text(self, key: str, value: Any) -> str:
        if not isinstance(value, str) or not value.isprintable():
            self.problems.append((key, "it must be text in quotes"))
            return ""
        return value

    def texts(self, key: str, value: Any) -> list[str]:
        if not isinstance(value, list | tuple):
            self.problems.append((key, 'it must be a list of texts: ["…"]'))
            return []
        return [self.text(key, each) for each in value]

    def prefixes(self, key: str, value: Any) -> tuple[str, ...]:
        found = self.texts(key, value)
        for prefix in found:
            if not PREFIX.fullmatch(prefix):
                self.problems.append((key, f"{prefix!r} is no prefix: + and digits, such as +49"))
        return tuple(found)

    def word(self, key: str, value: Any, kind: Any, otherwise: Any) -> Any:
        try:
            return kind(value)
        except ValueError:
            self.problems.append((key, f"{value!r}: {', '.join(each.value for each in kind)}"))
            return otherwise

    def days(self, key: str, value: Any) -> int:
        if type(value) is not int or not 0 <= value <= 36_525:
            self.problems.append((key, f"{value!r}: whole days, 0 to 36525"))
            return 0
        return value

    def day(self, key: str, value: Any) -> date | None:
        if value is None or type(value) is date:
            return value
        self.problems.append((key, f"{value!r}: a day without quotes, such as 2026-11-21"))
        return None

    def read_tone(self, key: str, value: Any, otherwise: Tone) -> Tone:
        wanted = ("hz", "ms", "silence_ms")
        if not isinstance(value, dict) or set(value) != set(wanted):
            self.problems.append((key, "{ hz = 1400, ms = 500, silence_ms = 15000 }, all three"))
            return otherwise
        if any(type(each) not in (int, float) for each in value.values()):
            self.problems.append((key, "hz, ms and silence_ms are numbers"))
            return otherwise
        return Tone(float(value["hz"]), value["ms"] / 1000, value["silence_ms"] / 1000)
