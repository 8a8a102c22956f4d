"""Consent: what each party was told and said about being recorded, and what follows. Pure (F-046 to F-056)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from controller.core.calls import Call, is_room, talking
from controller.core.commands import CallId, Command, Divert, LegId, Tell
from controller.core.decision import AfterRefusal, Announce, Audience, Options
from controller.core.roster import Party, Roster
from controller.core.subjects import party

NO_DIGIT = ""
REFUSES, AGREES = "9", "1"
"""What the prompts ask people to press: 9 not to be recorded, 1 to agree."""


class Standing(Enum):
    """Where one party stands."""

    UNINFORMED = "not informed"
    INFORMED = "informed"
    AGREED = "agreed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


AGAINST = (Standing.REFUSED, Standing.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a party was told or said. `how`: at the gate, in the call, key 9, by extension 100 …"""

    standing: Standing
    at: float
    prompt: str = ""  # which one, and in which language: "recorded (en)"
    how: str = ""
    asked: Announce = Announce.NOTIFY  # what he was to be told or asked then


Ledger = Mapping[LegId, tuple[Entry, ...]]
EMPTY: Ledger = MappingProxyType({})


def noted(ledger: Ledger, leg: LegId, entry: Entry) -> Ledger:
    """The ledger with one more entry; nothing in it is ever changed."""
    return MappingProxyType({**ledger, leg: (*ledger.get(leg, ()), entry)})


def joined(one: Ledger, other: Ledger) -> Ledger:
    """Of two calls that became one."""
    legs = (*one, *(leg for leg in other if leg not in one))
    return MappingProxyType({leg: tuple(sorted({*one.get(leg, ()), *other.get(leg, ())}, key=_when)) for leg in legs})


def standing(ledger: Ledger, leg: LegId) -> Standing:
    entries = ledger.get(leg, ())
    return entries[-1].standing if entries else Standing.UNINFORMED


def lacks(ledger: Ledger, leg: LegId, options: Options, direction: str) -> bool:
    """Whether this party has yet to be told or asked: it has heard nothing, or less than what is announced now.
    Nobody hears the same twice (W-23)."""
    match standing(ledger, leg):
        case Standing.UNINFORMED:
            return True
        case Standing.INFORMED:
            most = max(entry.asked.strictness for entry in ledger[leg])
            return most < asked_for(options, direction).strictness
        case _:
            return False


def answered(announce: Announce, digit: str) -> Standing:
    """What a party's key means. Who was asked to agree and did not has refused; who was told how to refuse and did
    not has been informed."""
    if announce is Announce.OPT_IN:
        return Standing.AGREED if digit == AGREES else Standing.REFUSED
    return Standing.REFUSED if digit == REFUSES else Standing.INFORMED


PROMPTS = {Announce.NOTIFY: "recorded", Announce.OPT_OUT: "opt-out", Announce.OPT_IN: "opt-in"}
"""Which prompt says it; docs/guides/prompts.md has the words."""
REFUSED = "refused"
"""The prompt before a call is ended for a refusal."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a party is told or asked, and by which prompt. `fallback`: instead of another one (W-26), `meant`."""

    announce: Announce
    prompt: str
    fallback: bool = False
    meant: Announce = Announce.NOTIFY

    def cited(self, language: str) -> str:
        """For the ledger: which words, in which language."""
        return f"{self.prompt} ({language})"

    def how(self, where: str, *more: str) -> str:
        """For the ledger: where, and that it was the fallback, which others than the organisation may have set."""
        return ", ".join((*more, where, *(("fallback",) if self.fallback else ())))


def statements(options: Options, direction: str) -> tuple[Statement, ...]:
    """What is announced on calls of this direction; each further one only where those before could not be played."""
    match direction:
        case "inbound":
            said = [(options.announce_inbound, options.prompt_inbound, False)]
            said.append((options.announce_fallback, options.prompt_fallback, True))
        case "outbound":
            said = [(options.announce_outbound, options.prompt_outbound, False)]
        case _:
            said = [(options.announce_internal, options.prompt_internal, False)]
    meant = next((announce for announce, _, _ in said if announce is not Announce.NONE), Announce.NONE)
    return tuple(
        Statement(announce, prompt or PROMPTS[announce], fallback, meant)
        for announce, prompt, fallback in said
        if announce is not Announce.NONE
    )


def asked_for(options: Options, direction: str) -> Announce:
    """What is announced on calls of this direction, where it can be played."""
    return next((said.announce for said in statements(options, direction)), Announce.NONE)


def parted(call: CallId, leg: LegId, options: Options, language: str) -> tuple[Command, ...]:
    """What becomes of a leg in conversation that does not want to be recorded (H-28). The other side is left to the
    PBX: a caller goes on in its dialplan behind the Dial, who was called is hung up."""
    match options.after_refusal:
        case AfterRefusal.END:
            return (Tell(call, leg, REFUSED, ending=True, language=language),)
        case AfterRefusal.ROUTE if options.refusal_to is not None:
            to = options.refusal_to
            return (Divert(call, leg, to.context, to.extension, to.priority),)
        case _:
            return ()


def hears(options: Options, leg_party: Party) -> bool:
    """Whether this party is among those who are told."""
    return among(options.announce_to, leg_party)


def among(audience: Audience, leg_party: Party) -> bool:
    """Whether this party belongs to an audience."""
    match audience:
        case Audience.NEAR:
            return leg_party is Party.INTERNAL
        case Audience.FAR:
            return leg_party is not Party.INTERNAL
        case Audience.BOTH:
            return True


def forbids(call: Call, ledger: Ledger, options: Options, direction: str, roster: Roster) -> str:
    """Why this call must not be recorded now, whoever wants it; "" where nothing stands against it."""
    if refused(call, ledger):
        return "a party refused to be recorded"
    if asked_for(options, direction) is not Announce.OPT_IN:
        return ""
    going_on = bool(talking(call))
    for leg in _there(call):
        if going_on and not call.legs[leg].alive:
            continue  # they talk on without him, who may never have been asked: other parties' regions came later
        if hears(options, party(call.legs[leg], roster)) and standing(ledger, leg) is not Standing.AGREED:
            return "a party has not agreed to be recorded"
    return ""


def refused(call: Call, ledger: Ledger) -> bool:
    """Whether anybody does not want this call to be recorded."""
    return any(standing(ledger, leg) in AGAINST for leg in _there(call))


def _there(call: Call) -> Iterable[LegId]:
    """Whose consent counts: whoever is or was in the conversation, or is on his way into it; of a conference, whoever
    is in it."""
    gone = not is_room(call.id)
    return (
        leg.id for leg in call.legs.values() if not leg.local and (leg.alive or (gone and leg.joined_at is not None))
    )


def _when(entry: Entry) -> float:
    return entry.at
