"""Finding: what one check found, how it was measured, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Status(Enum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"  # it works, and something about it will hurt some day or costs more than it must
    FAIL = "fail"  # calls are not recorded, or not as the policy says
    SKIPPED = "skipped"  # could not be looked at, or does not matter here


@dataclass(frozen=True, slots=True)
class Finding:
    """`where` is a PBX's name or "here". `measured` holds figures, their units in their names (`rtt_ms`)."""

    status: Status
    what: str
    remedy: str = ""
    measured: Mapping[str, object] = field(default_factory=dict)
    check: str = ""
    where: str = ""
    unreachable: bool = False  # nobody answers there: nothing else about it can be known


def ok(what: str, **measured: object) -> Finding:
    return Finding(Status.OK, what, "", measured)


def warn(what: str, remedy: str, **measured: object) -> Finding:
    return Finding(Status.WARN, what, remedy, measured)


def fail(what: str, remedy: str, **measured: object) -> Finding:
    return Finding(Status.FAIL, what, remedy, measured)


def skipped(what: str, remedy: str = "") -> Finding:
    return Finding(Status.SKIPPED, what, remedy)
