"""Keypad: what is typed during a call. Codes of our own people are commands; digits of anybody else are never one,
and are not to be heard in the recording (B-05)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from controller.core.altered import replace
from controller.core.commands import LegId
from controller.core.events import DigitPressed
from controller.core.roster import Party
from hardware import guard, sequences
from hardware.guard import Guard, Said
from hardware.keys import Key
from hardware.sequences import CodeBook, Typed

RULE = guard.Rule()
NO_CODES = CodeBook(())

_SIDES = {Party.INTERNAL: guard.Party.INSIDE, Party.EXTERNAL: guard.Party.OUTSIDE, Party.UNKNOWN: guard.Party.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Keypad:
    """What was typed and may still become a code, by leg; and the guard against what others type."""

    typed: Mapping[LegId, Typed] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    guard: Guard = guard.OPEN
    blanked: bool = False  # some time during this call

    @property
    def blanking(self) -> bool:
        return self.guard.blanking


UNTOUCHED = Keypad()


def press(
    pad: Keypad, event: DigitPressed, side: Party, codes: CodeBook, guarded: bool
) -> tuple[Keypad, Key | None, list[Said]]:
    """One digit: the key that it completes, and what the guard says to it."""
    key: Key | None = None
    if guard.entitled(_SIDES[side]) and codes.codes:
        typed, key = sequences.feed(codes, pad.typed.get(event.leg, sequences.NOTHING_TYPED), event.digit, event.at)
        pad = replace(pad, typed=MappingProxyType({**pad.typed, event.leg: typed}))
    if not guarded:
        return pad, key, []
    watch, said = guard.feed(pad.guard, RULE, _SIDES[side], event.at, event.length)
    return _guarded(pad, watch), key, said


def tick(pad: Keypad, at: float) -> tuple[Keypad, list[Said]]:
    """Time passed: perhaps it has been quiet for long enough."""
    watch, said = guard.tick(pad.guard, RULE, at)
    return _guarded(pad, watch), said


def ended(pad: Keypad, at: float) -> tuple[Keypad, list[Said]]:
    """The call is over."""
    watch, said = guard.ended(pad.guard, RULE, at)
    return _guarded(pad, watch), said


def wake_in(pad: Keypad, now: float) -> float | None:
    """Seconds until tick() has something to say; None: never."""
    at = guard.wake_at(pad.guard, RULE)
    return None if at is None else max(0.05, at - now)


def joined(one: Keypad, other: Keypad) -> Keypad:
    """Of two calls that became one: a span that is open on either goes on, until it has been quiet on both."""
    open_, shut = (one, other) if one.blanking or not other.blanking else (other, one)
    watch = open_.guard
    if shut.guard.since is not None and watch.since is not None:
        watch = replace(watch, since=min(watch.since, shut.guard.since), last=max(watch.last, shut.guard.last))
    return Keypad(MappingProxyType({**other.typed, **one.typed}), watch, one.blanked or other.blanked)


def _guarded(pad: Keypad, watch: Guard) -> Keypad:
    return replace(pad, guard=watch, blanked=pad.blanked or watch.blanking)
