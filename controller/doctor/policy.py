"""Check of the policy file against the PBXs: everybody whom it names should be there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from controller.core.decision import SubjectKind
from controller.core.rules import How
from controller.doctor.finding import Finding, ok, skipped, warn
from controller.doctor.visit import Visit
from controller.pbx.asterisk.frames import Message
from controller.pbx.driver import PbxRefused

OLDER = ("SIPpeers", "IAXpeerlist")
"""How channel drivers beside PJSIP list their peers."""


@dataclass(slots=True)
class Known:
    """What the PBXs have, by PBX. None: that PBX could not be asked."""

    endpoints: dict[str, set[str] | None] = field(default_factory=dict)
    queues: dict[str, set[str] | None] = field(default_factory=dict)


async def subjects(visits: Sequence[Visit]) -> list[Finding]:
    """Whether each extension, line, trunk, queue and ring group of the policy exists on a PBX."""
    known = Known()
    for visit in visits:
        known.endpoints[visit.pbx.name], known.queues[visit.pbx.name] = await _endpoints(visit), await _queues(visit)
    if all(one is None for one in (*known.endpoints.values(), *known.queues.values())):
        return [skipped("no PBX could be asked whom it knows")]
    config = visits[0].config
    out = [*_strangers(visits, known), *_strange_queues(visits, known), *await _undialled(visits)]
    roster = config.policy.roster
    counted = len(roster.extensions) + len(roster.lines) + len(roster.trunks)
    return out or [ok(f"all {counted} extensions, lines and trunks of the policy, and its queues, are on a PBX")]


async def _endpoints(visit: Visit) -> set[str] | None:
    if visit.ami is None:
        return None
    try:
        found = set(await visit.endpoints())
    except PbxRefused:
        return None
    for action in OLDER:
        try:
            found |= {one.get("ObjectName") for one in await visit.items(action) if one.event == "PeerEntry"}
        except PbxRefused:  # that channel driver is not loaded
            continue
    return found


async def _queues(visit: Visit) -> set[str] | None:
    if visit.ami is None:
        return None
    try:
        return {one.get("Queue") for one in await visit.items("QueueStatus") if one.event == "QueueParams"}
    except PbxRefused:  # no app_queue
        return set()


def _claims(visit: Visit) -> Iterable[tuple[str, str, tuple[str, ...], str]]:
    """(what, name, endpoints, the key to mend) of all that the policy takes for something on the PBX."""
    roster = visit.config.policy.roster
    listed = set()
    for one in roster.extensions:
        listed |= {one.number, one.name}
        yield "extension", one.number, one.endpoints or (one.number,), "[[extension]] number or endpoints"
    for line in roster.lines:
        yield "line", line.name, line.endpoints, "[[line]] endpoints"
    for trunk in roster.trunks:
        yield "trunk", trunk.name, trunk.endpoints or (trunk.name,), "[[trunk]] name or endpoints"
    for rule in visit.config.policy.rules:
        for selector in rule.selectors:
            exact = selector.how is How.NAME or (selector.pattern is not None and selector.pattern.exact)
            if selector.kind is SubjectKind.EXTENSION and exact and selector.text not in listed:
                listed.add(selector.text)
                yield "extension", selector.text, (selector.text,), f"the rule '{rule.name}'"


async def trunks(visit: Visit) -> list[Finding]:
    """Whether an endpoint looks like a trunk and is no [[trunk]]: its callers would be taken for our own people."""
    claimed = {endpoint.rpartition("/")[2] for _, _, endpoints, _ in _claims(visit) for endpoint in endpoints}
    found = await visit.endpoints()
    outside = [name for name, one in found.items() if name not in claimed and _looks_outside(name, one)]
    if not outside:
        return [ok("every endpoint that looks like a trunk is listed", endpoints=len(found))]
    return [
        warn(
            f"{', '.join(outside[:5])}{' and more' if outside[5:] else ''}: no password of their own, or one for the "
            "other side, as trunks have; and no [[trunk]]: whoever calls by them would be an extension of the house",
            "; ".join(f'[[trunk]] name = "{name}"' for name in outside[:5])
            + "; or an [[extension]] with that endpoint",
            endpoints=outside,
        )
    ]


def _looks_outside(name: str, endpoint: Message) -> bool:
    """Phones have a password that we ask them for, and mostly a number for a name."""
    return not name.isdigit() and (bool(endpoint.get("OutboundAuths")) or not endpoint.get("Auths"))


def _strangers(visits: Sequence[Visit], known: Known) -> Iterable[Finding]:
    asked = {name: there for name, there in known.endpoints.items() if there is not None}
    if len(asked) < len(known.endpoints):
        return  # it may be on the one that could not be asked
    for what, name, endpoints, key in _claims(visits[0]):
        for endpoint in endpoints:
            pbx, slash, own = endpoint.partition("/")
            there = asked.get(pbx, set()) if slash else set().union(*asked.values())
            if (own if slash else endpoint) not in there:
                yield warn(
                    f"{what} {name}: no PBX has an endpoint {endpoint!r}, so nothing of it is ever recorded",
                    f"correct {key}{_meant(own if slash else endpoint, there)}, or make the endpoint on the PBX",
                    subject=f"{what} {name}",
                )


def _strange_queues(visits: Sequence[Visit], known: Known) -> Iterable[Finding]:
    if any(there is None for there in known.queues.values()):
        return
    there: set[str] = set().union(*(one for one in known.queues.values() if one))
    config = visits[0].config
    named = {place.name: "[[queue]]" for place in config.policy.roster.places if place.kind is SubjectKind.QUEUE}
    for rule in config.policy.rules:
        for one in rule.selectors:
            if one.kind is SubjectKind.QUEUE and one.how is not How.EVERY:
                exact = one.how is How.NAME or (one.pattern is not None and one.pattern.exact)
                begun = any(name.startswith(one.text) for name in there)
                if exact or (one.how is How.PREFIX and not begun):
                    named.setdefault(one.text, f"the rule '{rule.name}'")
    for name, key in named.items():
        if name not in there:
            yield warn(
                f"queue {name}: no PBX has a queue of that name",
                f"correct {key}{_meant(name, there)}, or make the queue on the PBX; upper and lower case matter",
                subject=f"queue {name}",
            )


async def _undialled(visits: Sequence[Visit]) -> list[Finding]:
    """Ring groups that no dialplan answers to; it matches patterns as Asterisk does, so it errs on the quiet side."""
    out = []
    for group in visits[0].config.policy.roster.ring_groups:
        found = []
        for visit in visits:
            try:
                found.append(visit.ami is None or bool(await visit.items("ShowDialPlan", Extension=group.number)))
            except PbxRefused as error:
                found.append("did not find" not in str(error).lower())
        if not any(found):
            out.append(
                warn(
                    f"ring group {group.number}: no dialplan has that number",
                    "correct [[ring_group]] number, or make the group on the PBX",
                    subject=f"ring_group {group.number}",
                )
            )
    return out


def _meant(name: str, there: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(there), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
