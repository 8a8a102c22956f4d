"""Gate: what a leg that waits in our part of the dialplan is to hear, and when it may go on. Pure.

The caller waits before anybody is called for him; the callee, who has answered, before he is bridged. There the
recorder is started too, so that no sample of the talk is lost. What the dialplan does when nobody answers it is in
dialplan/asterisk/onrecord_gate.conf, and none of our business here.
"""

from __future__ import annotations

from dataclasses import dataclass

from controller.core import consent, policy, updating
from controller.core.calls import Call
from controller.core.commands import LegId, Open
from controller.core.consent import Ledger, Standing
from controller.core.decision import AfterRefusal, Announce, Decision, Mode
from controller.core.events import (
    BridgeId,
    BridgeKind,
    GateReached,
    LegAnswered,
    LegAppeared,
    LegJoined,
    QueueJoined,
)
from controller.core.policy import Policy
from controller.core.subjects import direction, party

PROMPTS = {Announce.NOTIFY: "recorded", Announce.OPT_OUT: "opt-out", Announce.OPT_IN: "opt-in"}
"""Which prompt says it; docs/guides/prompts.md has the words."""
GO, REFUSED, END = "go", "refused", "end"
READY = "ready"
"""Go, and the recorder runs (or none is wanted): there is nothing more to wait for."""
QUEUE = "queue:"
"""Before the name of a queue, where the dialplan is about to put the caller into one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a leg in the gate was asked to hear."""

    announce: Announce
    language: str
    refused_ends: bool

    @property
    def prompt(self) -> str:
        """For the ledger: which words, in which language."""
        return f"{PROMPTS[self.announce]} ({self.language})"


def open_with(call: Call, event: GateReached, ledger: Ledger, rules: Policy) -> tuple[Open, Asked | None]:
    """The word for this leg, and what it is asked; None: nothing."""
    go = Open(call.id, event.leg, GO)
    leg = call.legs.get(event.leg)
    if leg is None:
        return go, None
    ahead = _ahead(call, event)
    decision = policy.decide(rules, ahead)
    way = direction(ahead, rules.roster)
    announce = consent.asked_for(decision.options, way)
    told = consent.hears(decision.options, party(leg, rules.roster))
    if way == "outbound" and decision.options.announce_delay > 0:
        return go, None  # in the conversation, so long after it began (W-27)
    if announce is Announce.NONE or not _captures(decision) or not told:
        return go, None
    if consent.standing(ledger, event.leg) is not Standing.UNINFORMED:
        return go, None  # once per party, whatever transfers happen (W-23)
    ends = decision.options.after_refusal is AfterRefusal.END
    asked = Asked(announce, decision.options.language, ends)
    return Open(call.id, event.leg, announce.value, PROMPTS[announce], asked.language), asked


def _captures(decision: Decision) -> bool:
    """Whether anything will be recorded without anybody asking for it first."""
    return decision.mode not in (Mode.NEVER, Mode.ON_DEMAND) and not decision.hidden


def _ahead(call: Call, event: GateReached) -> Call:
    """The call as it is about to be: with whomever the dialplan is going to call."""
    if event.callee or not event.target:
        return call
    if event.target.startswith(QUEUE):
        coming = QueueJoined(call.id, event.at, event.leg, event.target.removeprefix(QUEUE))
        return updating.update(call, coming)
    made_up, bridge = LegId(f"{event.leg}?"), BridgeId("ahead")
    target = event.target
    for happens in (
        LegAppeared(call.id, event.at, made_up, target, target, dialled=target, originating=False),
        LegAnswered(call.id, event.at, made_up),
        LegJoined(call.id, event.at, event.leg, bridge, BridgeKind.TALK, ""),
        LegJoined(call.id, event.at, made_up, bridge, BridgeKind.TALK, ""),
    ):
        call = updating.update(call, happens)
    return call
