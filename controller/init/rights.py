"""The least rights of our user in Asterisk's manager, from what the driver really hears and asks for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from controller.pbx.asterisk.filters import criteria

CLASSES = {
    "FullyBooted": "system",
    "Shutdown": "system",
    "QueueCallerJoin": "agent",
    "QueueCallerLeave": "agent",
    "QueueCallerAbandon": "agent",
    "AgentConnect": "agent",
    "AgentComplete": "agent",
    "DTMFBegin": "dtmf",
    "DTMFEnd": "dtmf",
    "UserEvent": "user",
    "VarSet": "dialplan",
}
"""Class by which Asterisk 22 sends an event, where it is not `call`."""

ASKED = {
    "MixMonitor": ("system",),
    "StopMixMonitor": ("system", "call"),
    "MixMonitorMute": ("system", "call"),
    "Setvar": ("call",),
    "Getvar": ("call", "reporting"),
    "Status": ("system", "call", "reporting"),
    "Filter": ("system",),
    "PJSIPNotify": ("system",),
    "Hangup": ("system", "call"),
    "Redirect": ("call",),
}
"""Actions of the driver, and classes of which one is enough (`manager show command`, 22.10.1). Others need none."""

TOO_MUCH = ("command", "originate", "config", "all")
"""What the controller never needs. `command` is the PBX's whole command line, `originate` can run a shell."""

_NAME = re.compile(r"\bname\(([A-Za-z]+)\)")
ORDER = ("system", "call", "agent", "user", "dtmf", "reporting", "dialplan")


def heard() -> tuple[str, ...]:
    """Names of all events that the driver asks for."""
    return tuple(dict.fromkeys(name for match, _ in criteria() for name in _NAME.findall(match)))


def reading(events: Iterable[str] | None = None) -> tuple[str, ...]:
    """Classes of events that must reach us."""
    return _ordered({CLASSES.get(name, "call") for name in (heard() if events is None else events)})


def writing() -> tuple[str, ...]:
    """Classes of actions that we ask for: the fewest that allow all of them."""
    needed = {classes[0] for classes in ASKED.values() if len(classes) == 1}
    assert all(needed & set(classes) for classes in ASKED.values())  # noqa: S101 - a mistake in the table above
    return _ordered(needed)


def lacking(given: str, needed: Iterable[str]) -> tuple[str, ...]:
    """Which of the needed classes a `read = …` or `write = …` leaves out."""
    classes = words(given)
    return () if "all" in classes else tuple(one for one in needed if one not in classes)


def excess(given: str) -> tuple[str, ...]:
    """Which classes of a `write = …` the controller should not have."""
    return tuple(one for one in words(given) if one in TOO_MUCH)


def words(given: str) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in given.split(",") if word.strip())


def filters() -> tuple[str, ...]:
    """Lines for manager.conf: nothing else is sent to us. Older Asterisks ignore them; the driver filters again."""
    return tuple(f"eventfilter({match}) = {text}".rstrip() for match, text in criteria())


def _ordered(classes: Iterable[str]) -> tuple[str, ...]:
    return tuple(one for one in ORDER if one in set(classes))


__all__ = ["ASKED", "CLASSES", "TOO_MUCH", "excess", "filters", "heard", "lacking", "reading", "writing"]
