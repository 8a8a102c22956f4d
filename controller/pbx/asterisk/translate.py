"""AMI messages -> core events. Pure: no I/O, no clock; the same messages give the same events, always.

What it has to know that the single message does not tell: which call a channel belongs to (Linkedids change when
bridges meet, asterisk.md "Transfers"), who is in which bridge, and which conference is a call of its own.
Messages may come twice, late or not at all: a channel that nobody announced is made from the headers at hand, and one
that has hung up stays dead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from controller.core.commands import CallId, LegId
from controller.core.events import (
    AgentConnected,
    AttributeSet,
    BridgeId,
    BridgeKind,
    CallGone,
    CallsMerged,
    Event,
    LegAnswered,
    LegAppeared,
    LegDialled,
    LegEnded,
    LegJoined,
    LegLeft,
    LegRang,
    QueueJoined,
    QueueLeft,
)
from controller.pbx.asterisk.filters import VARIABLE
from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.naming import (
    clean,
    dialled_number,
    endpoint_of,
    extension,
    is_technical,
    local_pair,
)

MOST_GONE = 10_000
"""Ended channels that are remembered, so that a straggling message does not bring one back to life."""
MOST_KINDS = 200
"""Kinds of strange messages that are counted by name."""
OTHERS = frozenset({"FullyBooted", "Shutdown", "MixMonitorStart", "MixMonitorStop", "MixMonitorMute"})
"""Not about calls: the driver hears them itself."""


@dataclass(slots=True)
class _Call:
    """Channels that belong together, and every Linkedid they were seen with."""

    id: CallId
    order: int
    channels: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Room:
    """A conference: a call of its own, whose legs are its members."""

    call: CallId
    name: str
    members: set[LegId] = field(default_factory=set)
    present: set[LegId] = field(default_factory=set)


@dataclass(slots=True)
class _Channel:
    uniqueid: str
    leg: LegId
    call: _Call
    appeared: LegAppeared
    answered: bool = False
    bridge: BridgeId | None = None
    kind: BridgeKind = BridgeKind.TALK
    met_strangers: bool = False  # was in a room or a parking lot, where a Linkedid says nothing about who talks
    queue: str = ""  # waits in its line, or talks to its agent
    left_line: bool = False  # whether towards an agent is told by the next message
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the headers of one message say about one channel."""

    uniqueid: str
    name: str
    link: str
    state: str
    number: str
    caller: str
    exten: str


def _sight(message: Message, prefix: str = "") -> _Sight:
    get = message.get
    return _Sight(
        get(prefix + "Uniqueid"),
        get(prefix + "Channel"),
        get(prefix + "Linkedid"),
        get(prefix + "ChannelStateDesc"),
        clean(get(prefix + "CallerIDNum")),
        clean(get(prefix + "CallerIDName")),
        get(prefix + "Exten"),
    )


class Translation:
    """The memory of one PBX's calls that is needed to translate its messages."""

    def __init__(self, pbx: str) -> None:
        self.pbx = pbx
        self.odd: dict[str, int] = {}
        self._channels: dict[str, _Channel] = {}
        self._calls: dict[str, _Call] = {}  # by Linkedid
        self._bridges: dict[BridgeId, set[str]] = {}  # conversations only
        self._rooms: dict[BridgeId, _Room] = {}
        self._gone: dict[str, None] = {}
        self._seen = 0
        self._hears: dict[str, Callable[[Message, float, list[Event]], None]] = {
            "Newchannel": self._appeared,
            "Newstate": self._appeared,
            "DialBegin": self._dialled,
            "BridgeEnter": self._entered,
            "BridgeLeave": self._left,
            "Hangup": self._hung_up,
            "Pickup": self._picked_up,
            "AttendedTransfer": self._transferred,
            "QueueCallerJoin": self._queued,
            "QueueCallerLeave": self._left_line,
            "QueueCallerAbandon": self._queue_over,
            "AgentConnect": self._connected,
            "AgentComplete": self._queue_over,
            "VarSet": self._told,
        }

    # -- what is asked of it -----------------------------------------------------------------------------------

    def hear(self, message: Message, at: float) -> list[Event]:
        """The core events of one message, in order; none for most. Never raises for anything a PBX may send."""
        out: list[Event] = []
        name = message.event
        hears = self._hears.get(name)
        if hears is not None:
            hears(message, at, out)
        elif name not in OTHERS:
            self._count(f"event {clean(name)}")
        return out

    def knows(self, uniqueid: str) -> bool:
        """Whether this channel is alive, as far as was heard."""
        return uniqueid in self._channels

    def leg_of(self, uniqueid: str) -> LegId:
        """Our name for a channel."""
        return LegId(f"{self.pbx}/{clean(uniqueid)}")

    def call_of(self, uniqueid: str, room: bool = False) -> CallId | None:
        """The call that a live channel belongs to now, or the conference that it is in."""
        channel = self._channels.get(uniqueid)
        if channel is None or not room:
            return channel.call.id if channel else None
        home = self._rooms.get(channel.bridge) if channel.bridge else None
        return home.call if home else None

    def end(self, uniqueid: str, at: float, cause: str = "") -> list[Event]:
        """A channel has gone: by Hangup, or because another witness says so."""
        out: list[Event] = []
        channel = self._channels.pop(uniqueid, None)
        if channel is None:
            return out
        self._bury(uniqueid)
        self._leave(channel, at, out)
        self._off_the_line(channel, at, out)
        out.append(LegEnded(channel.call.id, at, channel.leg, cause))
        for bridge, room in list(self._rooms.items()):
            if channel.leg in room.members:
                out.append(LegEnded(room.call, at, channel.leg, cause))
                self._forget_member(bridge, room, channel.leg)
        call = channel.call
        call.channels.discard(uniqueid)
        if not call.channels:
            for link in call.links:
                self._calls.pop(link, None)
        return out

    def end_bridge(self, bridge: str, at: float) -> list[Event]:
        """A bridge has gone; whoever is still believed to be in it has left."""
        out: list[Event] = []
        for channel in [one for one in self._channels.values() if one.bridge == bridge]:
            self._leave(channel, at, out)
        return out

    def snapshot(self, statuses: Iterable[Message], bridges: Iterable[Message], at: float) -> list[Event]:
        """Everything as it is now, after a (re)connect.

        `statuses`: the items of AMI Status. `bridges`: the items of BridgeList. What was known and is not there any
        more ends; a call of which nothing is left is CallGone.
        """
        out: list[Event] = []
        statuses = [status for status in statuses if not is_technical(status.get("Channel"))]
        alive = {status.get("Uniqueid") for status in statuses}
        lost = [channel for channel in self._channels.values() if channel.uniqueid not in alive]
        for call in {id(channel.call): channel.call for channel in lost}.values():
            if not call.channels & alive:
                out.append(CallGone(call.id, at))
        gone = {event.call for event in out}
        for channel in lost:
            out.extend(event for event in self.end(channel.uniqueid, at, "gone") if event.call not in gone)
        known = {bridge.get("BridgeUniqueid"): bridge for bridge in bridges}
        for status in sorted(statuses, key=lambda one: _age(one), reverse=True):
            self._resume(status, known, at, out)
        return out

    # -- channels ----------------------------------------------------------------------------------------------

    def _channel(self, sight: _Sight, at: float, out: list[Event]) -> _Channel | None:
        """The channel of a message, made if it is new; None for one of no interest."""
        if not sight.uniqueid or sight.uniqueid in self._gone or is_technical(sight.name):
            return None
        channel = self._channels.get(sight.uniqueid)
        if channel is None:
            channel = self._make(sight, at, out)
        elif sight.link and sight.link not in channel.call.links:
            self._relinked(channel, sight.link, at, out)
        if sight.state == "Up" and not channel.answered:
            channel.answered = True
            out.append(LegAnswered(channel.call.id, at, channel.leg))
        return channel

    def _make(self, sight: _Sight, at: float, out: list[Event], dialled: str = "") -> _Channel:
        link = sight.link or sight.uniqueid
        call = self._calls.get(link)
        if call is None:
            self._seen += 1
            call = self._calls[link] = _Call(CallId(f"{self.pbx}/{clean(link)}"), self._seen, links={link})
        local = local_pair(sight.name)
        # A channel that called us is in state Ring at first sight; one seen late called if the call is its own.
        originating = not local and (sight.state == "Ring" or (sight.state == "Up" and sight.uniqueid == link))
        leg = self.leg_of(sight.uniqueid)
        appeared = LegAppeared(
            call.id,
            at,
            leg,
            endpoint_of(sight.name),
            sight.number,
            sight.caller,
            (dialled or extension(sight.exten)) if originating else "",
            originating,
            local,
            up=sight.state == "Up",
        )
        channel = _Channel(sight.uniqueid, leg, call, appeared, answered=appeared.up)
        self._channels[sight.uniqueid] = channel
        call.channels.add(sight.uniqueid)
        out.append(appeared)
        return channel

    def _relinked(self, channel: _Channel, link: str, at: float, out: list[Event]) -> None:
        if channel.met_strangers:
            return
        other = self._calls.get(link)
        if other is None:
            self._calls[link] = channel.call
            channel.call.links.add(link)
        else:
            self._merge(channel.call, other, at, out)

    def _merge(self, one: _Call, other: _Call, at: float, out: list[Event]) -> None:
        if one is other:
            return
        older, newer = (one, other) if one.order < other.order else (other, one)
        for uniqueid in newer.channels:
            self._channels[uniqueid].call = older
        for link in newer.links:
            self._calls[link] = older
        older.channels |= newer.channels
        older.links |= newer.links
        out.append(CallsMerged(older.id, at, newer.id))

    def _bury(self, uniqueid: str) -> None:
        self._gone[uniqueid] = None
        if len(self._gone) > MOST_GONE:
            del self._gone[next(iter(self._gone))]

    def _appeared(self, message: Message, at: float, out: list[Event]) -> None:
        channel = self._channel(_sight(message), at, out)
        if channel is not None and message.get("ChannelStateDesc") == "Ringing":
            out.append(LegRang(channel.call.id, at, channel.leg))

    def _hung_up(self, message: Message, at: float, out: list[Event]) -> None:
        channel = self._channel(_sight(message), at, out)
        if channel is not None:
            out.extend(self.end(channel.uniqueid, at, clean(message.get("Cause-txt"))))

    def _dialled(self, message: Message, at: float, out: list[Event]) -> None:
        caller = self._channel(_sight(message), at, out)
        peer = self._channel(_sight(message, "Dest"), at, out)
        if caller is None or peer is None:  # an Originate has no caller
            return
        self._off_the_line(caller, at, out)
        number = dialled_number(message.get("DialString"))
        presented = clean(message.get("DestConnectedLineNum"))
        out.append(LegDialled(caller.call.id, at, caller.leg, peer.leg, number, presented))

    def _picked_up(self, message: Message, at: float, out: list[Event]) -> None:
        picker = self._channel(_sight(message), at, out)
        target = self._channel(_sight(message, "Target"), at, out)
        if picker is not None and target is not None:
            self._merge(picker.call, target.call, at, out)

    def _transferred(self, message: Message, at: float, out: list[Event]) -> None:
        if message.get("Result") != "Success":
            return
        first = self._channel(_sight(message, "OrigTransferer"), at, out)
        second = self._channel(_sight(message, "SecondTransferer"), at, out)
        if first is not None and second is not None:
            self._merge(first.call, second.call, at, out)

    # -- bridges -----------------------------------------------------------------------------------------------

    def _entered(self, message: Message, at: float, out: list[Event]) -> None:
        channel = self._channel(_sight(message), at, out)
        if channel is not None:
            self._join(channel, message, at, out)

    def _join(self, channel: _Channel, bridge_headers: Message, at: float, out: list[Event]) -> None:
        bridge = BridgeId(clean(bridge_headers.get("BridgeUniqueid")))
        if not bridge or channel.bridge == bridge:
            return
        self._leave(channel, at, out)  # only if its own message was missed
        self._off_the_line(channel, at, out)
        kind = _kind(bridge_headers)
        channel.bridge, channel.kind = bridge, kind
        channel.met_strangers |= kind is not BridgeKind.TALK
        if kind is BridgeKind.ROOM:
            self._join_room(channel, bridge, clean(bridge_headers.get("BridgeName")), at, out)
            return
        if kind is BridgeKind.TALK:
            others = self._bridges.setdefault(bridge, set())
            for other in tuple(others):
                self._merge(channel.call, self._channels[other].call, at, out)
            others.add(channel.uniqueid)
        out.append(LegJoined(channel.call.id, at, channel.leg, bridge, kind))

    def _join_room(self, channel: _Channel, bridge: BridgeId, name: str, at: float, out: list[Event]) -> None:
        room = self._rooms.get(bridge)
        if room is None:
            room = self._rooms[bridge] = _Room(CallId(f"{self.pbx}/room:{name}:{bridge}"), name)
        out.append(LegJoined(channel.call.id, at, channel.leg, bridge, BridgeKind.ROOM, name))
        if channel.leg not in room.members:
            room.members.add(channel.leg)
            seen = channel.appeared
            out.append(
                LegAppeared(
                    room.call,
                    at,
                    channel.leg,
                    seen.endpoint,
                    seen.number,
                    seen.name,
                    seen.dialled,
                    True,
                    seen.local,
                    True,
                )
            )
        if "kind" in channel.notes:  # a page is a conference too, and must be known as a page before anybody is heard
            out.append(AttributeSet(room.call, at, channel.leg, "kind", channel.notes["kind"]))
        room.present.add(channel.leg)
        out.append(LegJoined(room.call, at, channel.leg, bridge, BridgeKind.ROOM, name))

    def _left(self, message: Message, at: float, out: list[Event]) -> None:
        channel = self._channel(_sight(message), at, out)
        if channel is not None and channel.bridge == message.get("BridgeUniqueid"):
            self._leave(channel, at, out)

    def _leave(self, channel: _Channel, at: float, out: list[Event]) -> None:
        bridge, channel.bridge = channel.bridge, None
        if bridge is None:
            return
        out.append(LegLeft(channel.call.id, at, channel.leg, bridge))
        others = self._bridges.get(bridge)
        if others is not None:
            others.discard(channel.uniqueid)
            if not others:
                del self._bridges[bridge]
        room = self._rooms.get(bridge)
        if room is not None:
            self._leave_room(bridge, room, channel.leg, at, out)

    def _leave_room(self, bridge: BridgeId, room: _Room, leg: LegId, at: float, out: list[Event]) -> None:
        out.append(LegLeft(room.call, at, leg, bridge))
        room.present.discard(leg)
        if not room.present:
            del self._rooms[bridge]
            out.extend(LegEnded(room.call, at, member, "conference over") for member in sorted(room.members))

    def _forget_member(self, bridge: BridgeId, room: _Room, leg: LegId) -> None:
        room.members.discard(leg)
        if not room.members:
            self._rooms.pop(bridge, None)

    # -- queues ------------------------------------------------------------------------------------------------

    def _queued(self, message: Message, at: float, out: list[Event]) -> None:
        channel = self._channel(_sight(message), at, out)
        if channel is not None:
            self._off_the_line(channel, at, out)
            channel.queue = clean(message.get("Queue"))
            out.append(QueueJoined(channel.call.id, at, channel.leg, channel.queue))

    def _left_line(self, message: Message, at: float, out: list[Event]) -> None:
        """QueueCallerLeave comes both before AgentConnect and when nobody took the call; what follows tells which."""
        channel = self._channel(_sight(message), at, out)
        if channel is not None and channel.queue == clean(message.get("Queue")):
            channel.left_line = True

    def _off_the_line(self, channel: _Channel, at: float, out: list[Event]) -> None:
        """The caller goes on without an agent: the queue's part is over."""
        if channel.left_line:
            self._out_of_queue(channel, channel.queue, at, out)

    def _out_of_queue(self, channel: _Channel, queue: str, at: float, out: list[Event]) -> None:
        channel.queue, channel.left_line = "", False
        out.append(QueueLeft(channel.call.id, at, channel.leg, queue))

    def _queue_over(self, message: Message, at: float, out: list[Event]) -> None:
        channel = self._channel(_sight(message), at, out)
        if channel is not None:
            self._out_of_queue(channel, clean(message.get("Queue")), at, out)

    def _connected(self, message: Message, at: float, out: list[Event]) -> None:
        channel = self._channel(_sight(message), at, out)
        if channel is not None:
            channel.queue, channel.left_line = clean(message.get("Queue")), False
            out.append(AgentConnected(channel.call.id, at, channel.leg, channel.queue))

    # -- the dialplan's own words ------------------------------------------------------------------------------

    def _told(self, message: Message, at: float, out: list[Event]) -> None:
        variable = message.get("Variable").lstrip("_")
        prefix, _, name = variable.partition("_")
        if prefix != VARIABLE or not name or variable in OURS:
            return
        channel = self._channel(_sight(message), at, out)
        if channel is None:
            return
        name, value = clean(name).lower(), clean(message.get("Value"))
        if name == "kind":
            channel.notes[name] = value
        out.append(AttributeSet(channel.call.id, at, channel.leg, name, value))

    # -- the rest ----------------------------------------------------------------------------------------------

    def _resume(self, status: Message, bridges: Mapping[str, Message], at: float, out: list[Event]) -> None:
        sight = _sight(status)
        self._gone.pop(sight.uniqueid, None)
        known = sight.uniqueid in self._channels
        if not known and sight.uniqueid:
            self._make(sight, at, out, dialled=clean(status.get("DNID")))
        channel = self._channel(sight, at, out)
        if channel is None:
            return
        bridge = status.get("BridgeID")
        if bridge in bridges:
            self._join(channel, bridges[bridge], at, out)
        elif not clean(bridge):
            self._leave(channel, at, out)

    def _count(self, what: str) -> None:
        if what in self.odd or len(self.odd) < MOST_KINDS:
            self.odd[what] = self.odd.get(what, 0) + 1


OURS = frozenset({f"{VARIABLE}_MIX", f"{VARIABLE}_ROOM", f"{VARIABLE}_ROOM_MIX"})
"""Variables that the driver itself sets (with VARIABLE alone): no news to anybody."""


def _kind(bridge: Message) -> BridgeKind:
    creator, form = bridge.get("BridgeCreator"), bridge.get("BridgeType")
    if creator == "ConfBridge":
        return BridgeKind.ROOM
    if (
        form == "parking"
        or creator in ("Parking", "BridgeWait")
        or bridge.get("BridgeTechnology") == "holding_bridge"
    ):
        return BridgeKind.PARKING
    return BridgeKind.TALK


def _age(status: Message) -> int:
    seconds = status.get("Seconds")
    return int(seconds) if seconds.isdecimal() else 0
