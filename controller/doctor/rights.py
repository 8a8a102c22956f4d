"""Checks of what our manager user may do and hear: everything that the driver needs, and nothing dangerous beyond."""

from __future__ import annotations

from collections.abc import Iterable

from controller.doctor.finding import Finding, fail, ok, skipped, warn
from controller.doctor.visit import Visit
from controller.pbx.asterisk.filters import HEARD, criteria, expression
from controller.pbx.driver import PbxRefused

USED = {
    "Login": "",
    "Challenge": "",
    "Ping": "",
    "BridgeList": "",
    "Filter": "system",
    "MixMonitor": "system",
    "StopMixMonitor": "system",
    "MixMonitorMute": "system",
    "Status": "system",
    "Getvar": "reporting",
    "Setvar": "call",
}
"""Every action of controller/pbx/asterisk, and the class of write rights to add where it is missing."""

DEEPER = frozenset({"Command"})
"""Actions that the driver uses where they happen to be granted, and never needs."""

DANGEROUS = {
    "Command": ("command", "any command of Asterisk's console, which is as good as a shell"),
    "Originate": ("originate", "calls to anywhere, at your cost, and applications such as System"),
    "UpdateConfig": ("config", "changes to Asterisk's configuration files"),
}
"""An action by which a class shows that is granted, the class, and what a thief of the password could do with it."""

CLASS_OF = {
    **dict.fromkeys(("FullyBooted", "Shutdown"), "system"),
    **dict.fromkeys(("QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon"), "agent"),
    **dict.fromkeys(("AgentConnect", "AgentComplete"), "agent"),
    **dict.fromkeys(("DTMFBegin", "DTMFEnd"), "dtmf"),
    **dict.fromkeys(("VarSet",), "dialplan"),
}
"""Classes of read rights by event; every other event that the driver hears has class call."""

WITHOUT = {
    "system": "the start of Asterisk goes unnoticed, and the controller never connects",
    "call": "no call is seen at all",
    "agent": "calls of queues are taken for calls of their agents",
    "dtmf": "codes that people type during a call are not heard",
    "dialplan": "what the dialplan sets (ONRECORD_GROUP, ONRECORD_KIND and so on) is not heard",
}
VITAL = frozenset({"system", "call", "agent"})


async def writing(visit: Visit) -> list[Finding]:
    """Whether every action that the controller uses is allowed."""
    allowed = await visit.actions()
    user = visit.pbx.ami.user
    missing = {action: klass for action, klass in USED.items() if action not in allowed}
    if "MixMonitor" in missing and not any("system" in classes for classes in allowed.values()):
        missing["MixMonitor"] = "system"
    if not missing:
        return [ok(f"{user!r} may use all {len(USED)} actions that are needed", allowed=len(allowed))]
    classes = sorted({klass for klass in missing.values() if klass})
    actions = ", ".join(missing)
    return [
        fail(
            f"{user!r} may not use {actions}",
            f"manager.conf, [{user}]: add {','.join(classes)} to its write line (write = system,call,reporting), "
            "then `manager reload`; or the module that brings the action is not loaded (see the check modules)",
            missing=list(missing),
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
    needed = list(dict.fromkeys([*(CLASS_OF.get(name, "call") for name in HEARD), "dialplan"]))
    user = visit.pbx.ami.user
    try:
        account = await visit.account()
    except PbxRefused as error:
        return [skipped(f"manager.conf may not be read ({error}), so only events that came are known (see probe)")]
    if "read" not in account:
        return [skipped(f"[{user}] has no read line in manager.conf: it may be kept elsewhere (see probe)")]
    granted = {word.strip() for line in account["read"] for word in line.split(",")}
    missing = [] if granted & {"all", "yes"} else [klass for klass in needed if klass not in granted]
    if not missing:
        return [ok(f"{user!r} may hear all that is needed: {', '.join(needed)}")]
    remedy = f"manager.conf, [{user}]: add {','.join(missing)} to its read line, then `manager reload`"
    said = "; ".join(f"without class {klass} {WITHOUT[klass]}" for klass in missing)
    return [(fail if VITAL & set(missing) else warn)(said, remedy, missing=missing)]


async def filtering(visit: Visit) -> list[Finding]:
    """Whether Asterisk filters events for us, and whether manager.conf filters away what we need."""
    assert visit.ami is not None  # noqa: S101
    found = [await _ours(visit)]
    try:
        theirs = (await visit.account()).get("eventfilter", [])
    except PbxRefused:
        return found
    included = [line for line in theirs if not line.lstrip().startswith("!")]
    if included and (lost := [name for name in HEARD if not _let_through(name, included)]):
        found.append(
            fail(
                f"eventfilter in manager.conf lets only some events through; missing: {', '.join(lost)}",
                f"manager.conf, [{visit.pbx.ami.user}]: take its eventfilter lines out (the controller sets its own "
                "filter for each session), then `manager reload`",
                missing=lost,
            )
        )
    return found


def _let_through(event: str, lines: Iterable[str]) -> bool:
    """Whether one of the including filters speaks of this event; by its name, which is what people write."""
    return any(event in line or not any(word in line for word in ("Event", "name(")) for line in lines)


async def _ours(visit: Visit) -> Finding:
    try:
        for match, text in criteria():
            headers = {"Operation": "Add", "MatchCriteria": match} | ({"Filter": text} if text else {})
            await visit.act("Filter", **headers)
        return ok(f"Asterisk sends only the {len(HEARD) + 1} kinds of events that are needed")
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
