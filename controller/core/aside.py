"""A consultation within one call: people of the house who talk while the outside party waits. A call apart. Pure.

Asterisk's own attended transfer keeps both conversations under one Linkedid. What the one who is asked for advice
wants recorded says nothing about the waiting party, and what is said there is no part of that party's recording.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from controller.core.altered import replace
from controller.core.calls import Call, conversations, is_room
from controller.core.commands import RecordingId
from controller.core.events import BridgeKind
from controller.core.roster import Party, Roster
from controller.core.subjects import party
from controller.core.talks import Doing

_NUMBERED = re.compile(r".+-c[0-9]+")


def recording_id(main: RecordingId, number: int) -> RecordingId:
    """The name of the recording of a call's consultation."""
    return RecordingId(f"{main}-c{number}")


def is_recording_id(identity: RecordingId) -> bool:
    """Whether it is a consultation's within a call."""
    return bool(_NUMBERED.fullmatch(identity))


def split(call: Call, roster: Roster) -> tuple[Call, Call | None]:
    """The call without whoever is only consulted, and the consultation; None where nobody consults anybody."""
    if len(call.legs) < 3 or is_room(call.id):
        return call, None
    living = [leg for leg in call.legs.values() if leg.alive and not leg.local and leg.joined_at is not None]
    outside = {leg.id for leg in living if party(leg, roster) is Party.EXTERNAL}
    if not outside or len(living) < 3:
        return call, None
    met = {leg for one in call.talks.all if one.doing is Doing.TALKS and one.company & outside for leg in one.company}
    for group in conversations(call):
        here = {leg.id for leg in group}
        if (
            len(group) < 2
            or here & outside
            or not here & met
            or any(leg.kind is not BridgeKind.TALK for leg in group)
        ):
            continue
        kept = {leg.id: leg for leg in call.legs.values() if leg.id not in here - met}
        # The local halves are what holds their bridges together.
        apart = {leg.id: leg for leg in call.legs.values() if leg.id in here or (leg.local and leg.alive)}
        main = replace(call, legs=MappingProxyType(kept))
        return main, replace(call, legs=MappingProxyType(apart), queue="", queue_over=False, agent_at=None)
    return call, None
