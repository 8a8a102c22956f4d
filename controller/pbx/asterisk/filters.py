"""Which AMI events the driver asks for: an allow list, so that a busy PBX sends us a tenth of what it could."""

from __future__ import annotations

HEARD = (
    "FullyBooted",
    "Shutdown",
    "Newchannel",
    "Newstate",
    "DialBegin",
    "BridgeEnter",
    "BridgeLeave",
    "Hangup",
    "Hold",
    "Unhold",
    "MusicOnHoldStart",
    "MusicOnHoldStop",
    "AttendedTransfer",
    "Pickup",
    "QueueCallerJoin",
    "QueueCallerLeave",
    "QueueCallerAbandon",
    "AgentConnect",
    "AgentComplete",
    "MixMonitorStart",
    "MixMonitorStop",
    "MixMonitorMute",
    "DTMFBegin",
    "DTMFEnd",
)
"""Names of the events that translate.py and driver.py use."""

VARIABLE = "ONRECORD"
"""VarSet is the noisiest event of all (80 of 131 in one call): only variables with this in their name are sent."""

OWN = "OnRecord"
"""What the names of the user events of our own dialplan begin with."""


def criteria() -> tuple[tuple[str, str], ...]:
    """(MatchCriteria, Filter) of one AMI `Filter` action each: fields are compared, no regex is run per event.

    Needs the filters of Asterisk 18.24, 20.9, 21.4 and later.
    """
    names = tuple((f"action(include),name({name})", "") for name in HEARD)
    return (
        *names,
        ("action(include),name(VarSet),header(Variable),method(contains)", VARIABLE),
        ("action(include),name(UserEvent),header(UserEvent),method(starts_with)", OWN),
    )


def expression() -> str:
    """The same as one regex over the whole event, for an Asterisk that does not know MatchCriteria.

    POSIX extended, and ^ is the event's beginning only: a line within it begins behind a control character.
    """
    names = "|".join(HEARD)
    own = f"^Event: UserEvent[[:cntrl:]].*[[:cntrl:]]UserEvent: {OWN}"
    return f"{own}|^Event: ({names})[[:cntrl:]]|^Event: VarSet[[:cntrl:]].*[[:cntrl:]]Variable: _*{VARIABLE}"
