"""What people were told and asked about being recorded, and what they said: the events of it, as in events.py."""

from __future__ import annotations

from dataclasses import dataclass

from controller.core.commands import CallId, LegId


@dataclass(frozen=True, slots=True)
class GateReached:
    """A leg waits in our gate of the dialplan for a word. `callee`: it has answered and is not bridged yet. `target`:
    whom the dialplan is about to call for it, as far as it says."""

    call: CallId
    at: float
    leg: LegId
    callee: bool = False
    target: str = ""


@dataclass(frozen=True, slots=True)
class NoticePlayed:
    """This leg has heard what it was to hear; not `whole`: it could not be played, or somebody hung up. `notice`:
    which one, where it was in the conversation; "": at the gate."""

    call: CallId
    at: float
    leg: LegId
    whole: bool = True
    notice: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Beeped:
    """The beeps that were asked for on this leg have begun, or (not `heard`) they could not, or are over unasked."""

    call: CallId
    at: float
    leg: LegId
    heard: bool = True


@dataclass(frozen=True, slots=True)
class ConsentKeyed:
    """The gate has asked this leg, and this one digit was pressed; "" for none in time."""

    call: CallId
    at: float
    leg: LegId
    digit: str = ""


@dataclass(frozen=True, slots=True)
class Diverted:
    """This leg was sent where we asked for, or (not `done`) it could not be."""

    call: CallId
    at: float
    leg: LegId
    done: bool = True


@dataclass(frozen=True, slots=True)
class ConsentKnown:
    """What this leg was told or said in another call that it is on as well: a conference and its member's own call
    are two. `since` is when it was; `standing` one of consent.Standing."""

    call: CallId
    at: float
    leg: LegId
    standing: str
    since: float
    prompt: str = ""
    how: str = ""
    asked: str = "notify"  # one of decision.Announce: what he was to be told or asked then
