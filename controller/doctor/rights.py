"""Checks of what our manager user may do and hear: everything that the driver needs, and nothing dangerous beyond."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controller.doctor.finding import Finding, fail, ok, skipped, warn
from controller.doctor.visit import Visit
from controller.init.rights import ASKED, lacking, reading
from controller.pbx.asterisk.filters import criteria, expression
from controller.pbx.driver import PbxRefused

DANGEROUS = {
    "Command": ("command", "any command of Asterisk's console, which is as good as a shell"),
    "Originate": ("originate", "calls to anywhere, at your cost, and applications such as System"),
    "UpdateConfig": ("config", "changes to Asterisk's configuration files"),
}
"""An action by which a class shows that is granted, the class, and what a thief of the password could do with it."""

WITHOUT = {
    "system": "the start of Asterisk goes unnoticed, and the controller never connects",
    "call": "no call is seen at all",
    "agent": "calls of queues are taken for calls of their agents",
    "dtmf": "codes that people type during a call are not heard",
    "user": "keys and codes that our own dialplan tells of are not heard",
    "dialplan": "what the dialplan sets (ONRECORD_GROUP, ONRECORD_KIND and so on) is not heard",
}
VITAL = frozenset({"system", "call", "agent"})


async def writing(visit: Visit) -> list[Finding]:
    """Whether every action that the controller asks for is allowed."""
    allowed = await visit.actions()
    user = visit.pbx.ami.user
    missing = [action for action in ASKED if action not in allowed]
    if not missing:
        return [ok(f"{user!r} may use all {len(ASKED)} actions that are needed", allowed=len(allowed))]
    classes = sorted({ASKED[action][0] for action in missing})
    return [
        fail(
            f"{user!r} may not use {', '.join(missing)}",
            f"manager.conf, [{user}]: add {','.join(classes)} to its write line, then `manager reload`; or the "
            "module that brings the action is not loaded (see modules)",
            missing=missing,
        )
    ]


async def excess(visit: Visit) -> list[Finding]:
    """Whether the user may do more than it must: its password lies in our configuration, on this machine."""
    allowed = await visit.actions()
    user = visit.pbx.ami.user
    granted = [(klass, danger) for action, (klass, danger) in DANGEROUS.items() if action in allowed]
    if not granted:
        return [ok(f"{user!r} may do nothing dangerous that it does not need")]
    return [
        warn(
            f"{user!r} has class {klass}: {danger}",
            f"manager.conf, [{user}]: take {klass} (or all) out of its write line, then `manager reload`",
            granted=klass,
        )
        for klass, danger in granted
    ]


async def hearing(visit: Visit) -> list[Finding]:
    """Whether the user's read line lets every event through that the driver hears."""
    needed = reading()
    user = visit.pbx.ami.user
    try:
        account = await visit.account()
    except PbxRefused as error:
        return [skipped(f"manager.conf may not be read ({error}), so what it may hear is not known")]
    if "read" not in account:
        return [skipped(f"[{user}] has no read line in manager.conf: the PBX may keep its users elsewhere")]
    missing = list(lacking(",".join(account["read"]), needed))
    if not missing:
        return [ok(f"{user!r} may hear all that is needed: {', '.join(needed)}")]
    remedy = f"manager.conf, [{user}]: add {','.join(missing)} to its read line, then `manager reload`"
    said = "; ".join(f"without class {klass} {WITHOUT.get(klass, 'events are missing')}" for klass in missing)
    return [(fail if VITAL & set(missing) else warn)(said, remedy, missing=missing)]


async def filtering(visit: Visit) -> list[Finding]:
    """Whether Asterisk filters events for us, and whether manager.conf filters away what we need."""
    found = [await _ours(visit)]
    try:
        theirs = [
            EventFilter.read(key, text)
            for key, text in await visit.settings()
            if key.lower().startswith("eventfilter")
        ]
    except PbxRefused:
        return found
    lost = [event.split()[1] for event in _needed() if not let_through(event, theirs)]
    if lost:
        found.append(
            fail(
                f"eventfilter in manager.conf keeps back what is needed: {', '.join(lost)}",
                f"manager.conf, [{visit.pbx.ami.user}]: take its eventfilter lines out (the controller filters each "
                "of its sessions), or let `onrecord init` write them; then `manager reload`",
                missing=lost,
            )
        )
    return found


def _needed() -> list[str]:
    """One event of each kind that the driver asks for, as far as filters look at it."""
    found = []
    for match, text in criteria():
        (name,), header = re.findall(r"name\(([^)]*)\)", match), re.search(r"header\(([^)]*)\)", match)
        found.append(f"Event: {name}\r\n" + (f"{header[1]}: {text}\r\n" if header else ""))
    return found


@dataclass(frozen=True, slots=True)
class EventFilter:
    """One eventfilter line: whether it lets in or keeps out, and which events."""

    includes: bool
    matches: Callable[[str], bool]

    @classmethod
    def read(cls, key: str, text: str) -> EventFilter:
        """Of `eventfilter = !Event: X` (a regular expression) and `eventfilter(action(exclude),name(X)) = text`."""
        name = re.search(r"name\(([^)]*)\)", key)
        if "(" not in key.removeprefix("eventfilter()"):
            return cls(not text.startswith("!"), _expression(text.removeprefix("!")))
        includes = "action(exclude)" not in key
        named = f"Event: {name[1]}\r\n".lower() if name else "event: "
        # Of a text in a header that calls fill we cannot know; of VarSet it is ours that has to come through.
        return cls(includes, lambda event: event.lower().startswith(named) and (not text or text in event))


def _expression(text: str) -> Callable[[str], bool]:
    try:
        shape = re.compile(text.replace("[[:cntrl:]]", r"[\r\n]"))
    except re.error:
        return lambda _event: True  # POSIX says it otherwise: believe that it is meant well
    return lambda event: bool(shape.search(event))


def let_through(event: str, filters: Sequence[EventFilter]) -> bool:
    """As Asterisk decides: with an including line only what one includes; and nothing that another excludes."""
    including = [one for one in filters if one.includes]
    if including and not any(one.matches(event) for one in including):
        return False
    return not any(one.matches(event) for one in filters if not one.includes)


async def _ours(visit: Visit) -> Finding:
    try:
        for match, text in criteria():
            headers = {"Operation": "Add", "MatchCriteria": match} | ({"Filter": text} if text else {})
            await visit.act("Filter", **headers)
        return ok(f"Asterisk sends only the {len(criteria())} kinds of events that are needed")
    except PbxRefused as error:
        refused = str(error)
    try:
        await visit.act("Filter", Operation="Add", Filter=expression())
    except PbxRefused:
        return warn(
            f"events cannot be filtered ({refused}): ten times as many come as are needed",
            f"manager.conf, [{visit.pbx.ami.user}]: add system to its write line, then `manager reload`",
        )
    return warn(
        f"this Asterisk knows no filters by name ({refused}): a regular expression runs over every event",
        "costs Asterisk some time on a busy PBX: 18.24, 20.9, 21.4, 22 and later do without",
    )


async def door(visit: Visit) -> list[Finding]:
    """Whether anybody on the network may try our manager user's password."""
    user = visit.pbx.ami.user
    try:
        account = await visit.account()
        general = (await visit.act("GetConfig", Filename="manager.conf", Category="general")).pairs
    except PbxRefused as error:
        return [skipped(f"manager.conf may not be read ({error})")]
    bound = [line.partition("=")[2].strip() for _, line in general if line.startswith("bindaddr=")]
    if any(key in account for key in ("permit", "acl")):
        return [ok(f"manager.conf says from where {user!r} may come")]
    if bound and bound[-1].startswith(("127.", "::1")):
        return [ok(f"the manager interface is open to the PBX's own machine only ({bound[-1]})")]
    return [
        warn(
            f"{user!r} may log in from everywhere ({bound[-1] if bound else 'all addresses'})",
            f"manager.conf, [{user}]: deny = 0.0.0.0/0.0.0.0 and permit = this machine's address/255.255.255.255",
        )
    ]
