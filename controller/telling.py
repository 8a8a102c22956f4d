"""Telling why: a made-up call for a dry run, the story of a call from the journal, a replay under other rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from controller.core import policy, updating
from controller.core import session as sessions
from controller.core.calls import Call
from controller.core.commands import CallId, Command, LegId, Start
from controller.core.decision import Decision, Mode, Subject, SubjectKind
from controller.core.events import (
    AgentConnected,
    AttributeSet,
    BridgeId,
    BridgeKind,
    CallsMerged,
    Event,
    LegAnswered,
    LegAppeared,
    LegJoined,
    QueueJoined,
)
from controller.core.merging import merge
from controller.core.policy import Policy
from controller.core.recorders import recording_id
from controller.core.session import Session
from controller.journal import Entry

UNDECIDED = Decision(Mode.NEVER, "nothing was decided before it ended")


@dataclass(frozen=True, slots=True)
class Situation:
    """A call that did not happen. `agent`: who answers, where that is not whom `to` names. `at` in Unix seconds."""

    caller: str
    to: str
    trunk: str = ""
    agent: str = ""
    queue: str = ""
    group: str = ""
    conference: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0


def decide(situation: Situation, rules: Policy) -> Decision:
    """What would be decided while they talk."""
    return policy.decide(rules, imagined(situation, rules))


def imagined(situation: Situation, rules: Policy) -> Call:
    """The call while they talk, built from the events that a real one would give."""
    call = Call(CallId("dry/room:" + situation.conference + ":0" if situation.conference else "dry/1"), situation.at)
    for event in _events(situation, call.id, rules):
        call = updating.update(call, event)
    return call


def _events(told: Situation, call: CallId, rules: Policy) -> Iterable[Event]:
    caller, called = LegId("dry/caller"), LegId("dry/called")
    # With a trunk, the side that is no extension of ours is outside: whoever is named as an internal number is not.
    inbound = bool(told.trunk) and not _is_ours(told.caller, rules)
    outbound = bool(told.trunk) and not inbound
    answering = told.agent or told.to
    own = told.caller if not inbound else told.trunk
    far = told.trunk if outbound and not told.agent else answering
    dialled = "" if inbound and not _may_come_in(told.to, rules) else told.to
    yield LegAppeared(call, told.at, caller, own, told.caller, dialled=dialled, up=True)
    yield LegAppeared(call, told.at, called, far, far, dialled=told.to, originating=False)
    for name, value in {**told.attributes, **({"group": told.group} if told.group else {})}.items():
        yield AttributeSet(call, told.at, caller, name.lower(), value)
    if told.queue:
        yield QueueJoined(call, told.at, caller, told.queue)
        yield AgentConnected(call, told.at, caller, told.queue)
    yield LegAnswered(call, told.at, called)
    kind = BridgeKind.ROOM if told.conference else BridgeKind.TALK
    for leg in (caller, called):
        yield LegJoined(call, told.at, leg, BridgeId("dry"), kind, told.conference)


def _is_ours(number: str, rules: Policy) -> bool:
    return rules.roster.is_internal(number) or len(number) <= 4


def _may_come_in(number: str, rules: Policy) -> bool:
    """Whether a carrier would send this: an extension's number only where a rule or ring group waits for it."""
    ddi = Subject(SubjectKind.DDI, rules.roster.plan.canonical(number))
    waited_for = rules.about(ddi).rules or rules.roster.ring_group(number) is not None
    return bool(waited_for) or not _is_ours(number, rules)


def find(entries: Iterable[Entry], text: str) -> dict[CallId, list[Entry]]:
    """The calls that `text` names by call or recording id, whole or in part; an exact match is the only one."""
    found: dict[CallId, list[Entry]] = {}
    for entry in entries:
        if text in entry.call or text in recording_id(entry.call):
            found.setdefault(entry.call, []).append(entry)
    exact = {call: story for call, story in found.items() if text in (call, recording_id(call))}
    return exact or found


def weightiest(story: Iterable[Entry]) -> Decision | None:
    """The decision to show at the end of a story: of a recorded call the last that wanted it, else the last that was
    made before people left. None: nothing was decided."""
    entries = tuple(story)
    decided = [entry for entry in entries if entry.decision is not None]
    before = [entry for entry in decided if not isinstance(entry.event, sessions.ENDINGS)]
    if any(isinstance(command, Start) for entry in entries for command in entry.commands):
        before = [entry for entry in decided if entry.decision and entry.decision.mode is not Mode.NEVER] or before
    return (before or decided)[-1].decision if decided else None


def sentence(what: Event | Command) -> str:
    """An event or a command in one line: its name, and what is worth knowing of it."""
    shown = []
    for each in fields(what):
        value = getattr(what, each.name)
        if each.name in ("call", "at") or value in ("", None, False):
            continue
        if hasattr(value, "__dataclass_fields__"):
            value = sentence(value)
        shown.append(f"{each.name}={getattr(value, 'value', value)}")
    return f"{type(what).__name__} {' '.join(shown)}".rstrip()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One call under both policies."""

    call: CallId
    before: Decision
    after: Decision

    @property
    def differs(self) -> bool:
        """Whether it would be treated differently: by another mode, rule or owner, or not listed."""
        return (self.before.mode, self.before.rule, self.before.owners, self.before.hidden) != (
            self.after.mode,
            self.after.rule,
            self.after.owners,
            self.after.hidden,
        )


def replay(entries: Iterable[Entry], before: Policy, after: Policy) -> list[Outcome]:
    """Every call of the journal, heard again under both policies. Answers of the PBX are heard as they were."""
    pairs: dict[CallId, tuple[Session, Session]] = {}
    for entry in entries:
        call = entry.call
        if isinstance(entry.event, CallsMerged):
            other = pairs.pop(entry.event.other, None)
            if other is not None and call in pairs:
                one, two = pairs[call]
                pairs[call] = merge(one, other[0], before), merge(two, other[1], after)
        one, two = pairs.get(call) or (sessions.begin(call, entry.at), sessions.begin(call, entry.at))
        pairs[call] = sessions.step(one, entry.event, before)[0], sessions.step(two, entry.event, after)[0]
    return [Outcome(call, one.verdict or UNDECIDED, two.verdict or UNDECIDED) for call, (one, two) in pairs.items()]
