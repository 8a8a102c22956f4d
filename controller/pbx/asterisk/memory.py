"""What must be remembered to translate AMI: which call a channel belongs to, who is in which bridge. Pure.

Linkedids change when bridges meet (asterisk.md "Transfers"), and old messages keep the old one: so calls are sets of
Linkedids that grow together. A conference is a call of its own beside the calls of its members.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.core.commands import CallId, LegId
from controller.core.events import (
    AttributeSet,
    BridgeId,
    BridgeKind,
    CallsMerged,
    ConsultationBegan,
    Event,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegJoined,
    LegLeft,
    QueueLeft,
)
from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.naming import clean, endpoint_of, extension, is_technical, local_pair

MOST_GONE = 10_000
"""Ended channels that are remembered, so that a straggling message does not bring one back to life."""

Events = list[Event]


@dataclass(slots=True)
class Group:
    """Channels that belong together: one call, and every Linkedid it was seen with."""

    id: CallId
    order: int
    channels: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Room:
    """A conference: a call of its own, whose legs are its members."""

    call: CallId
    name: str
    members: set[LegId] = field(default_factory=set)
    present: set[LegId] = field(default_factory=set)


@dataclass(slots=True)
class Channel:
    """One live channel; keyed by its Uniqueid, which stays when its name changes."""

    uniqueid: str
    leg: LegId
    group: Group
    appeared: LegAppeared
    answered: bool = False
    bridge: BridgeId | None = None
    kind: BridgeKind = BridgeKind.TALK
    met_strangers: bool = False  # was in a room or a parking lot, where a Linkedid says nothing about who talks
    queue: str = ""  # waits in its line, or talks to its agent
    left_line: bool = False  # whether towards an agent is told by the next message
    tone: bool = False  # a digit has begun and not ended
    sort: str = ""  # what the dialplan says the call is: paging, intercom, voicemail, …

    @property
    def call(self) -> CallId:
        return self.group.id


@dataclass(frozen=True, slots=True)
class Sight:
    """What the headers of one message say about one channel; texts that anybody can write are clean already."""

    uniqueid: str
    name: str
    link: str
    state: str
    number: str
    caller: str
    exten: str


@dataclass(frozen=True, slots=True)
class Bridge:
    """Where channels meet; `name` where it is a conference."""

    id: BridgeId
    kind: BridgeKind
    name: str


def sight(message: Message, prefix: str = "") -> Sight:
    """The channel that a message is about, or with a prefix (Dest, Target, …) another one in it."""
    get = message.get
    return Sight(
        get(prefix + "Uniqueid"),
        get(prefix + "Channel"),
        get(prefix + "Linkedid"),
        get(prefix + "ChannelStateDesc"),
        clean(get(prefix + "CallerIDNum")),
        clean(get(prefix + "CallerIDName")),
        get(prefix + "Exten"),
    )


def bridge(message: Message) -> Bridge:
    """The bridge that a message is about."""
    creator, form = message.get("BridgeCreator"), message.get("BridgeType")
    if creator == "ConfBridge":
        kind = BridgeKind.ROOM
    elif form == "parking" or creator in ("Parking", "BridgeWait"):
        kind = BridgeKind.PARKING
    else:
        held = message.get("BridgeTechnology") == "holding_bridge"
        kind = BridgeKind.PARKING if held else BridgeKind.TALK
    return Bridge(BridgeId(clean(message.get("BridgeUniqueid"))), kind, clean(message.get("BridgeName")))


class Memory:
    """One PBX's live channels, calls and bridges. What changes is told by appending events to `out`."""

    def __init__(self, pbx: str) -> None:
        self.pbx = pbx
        self.channels: dict[str, Channel] = {}
        self._groups: dict[str, Group] = {}  # by Linkedid
        self._talks: dict[BridgeId, set[str]] = {}  # bridges that are conversations: who is in them
        self._rooms: dict[BridgeId, Room] = {}
        self._holding: dict[str, Channel] = {}  # whose phones have put somebody on hold
        self._gone: dict[str, None] = {}
        self._seen = 0

    def leg_of(self, uniqueid: str) -> LegId:
        """Our name for a channel."""
        return LegId(f"{self.pbx}/{clean(uniqueid)}")

    def room_of(self, channel: Channel) -> Room | None:
        """The conference that a channel is in now."""
        return self._rooms.get(channel.bridge) if channel.bridge else None

    # -- channels ----------------------------------------------------------------------------------------------

    def channel(self, seen: Sight, at: float, out: Events) -> Channel | None:
        """The channel of a message, made if it is new; None for one of no interest."""
        if not seen.uniqueid or seen.uniqueid in self._gone or is_technical(seen.name):
            return None
        channel = self.channels.get(seen.uniqueid)
        if channel is None:
            channel = self.make(seen, at, out)
        elif seen.link and seen.link not in channel.group.links:
            self._relinked(channel, seen.link, at, out)
        if seen.state == "Up" and not channel.answered:
            channel.answered = True
            out.append(LegAnswered(channel.call, at, channel.leg))
        return channel

    def make(self, seen: Sight, at: float, out: Events, dialled: str = "") -> Channel:
        """A channel that was not known. `dialled`: what it dialled, where that is known better than by its Exten."""
        self._gone.pop(seen.uniqueid, None)
        link = seen.link or seen.uniqueid
        group = self._groups.get(link)
        if group is None:
            self._seen += 1
            group = self._groups[link] = Group(CallId(f"{self.pbx}/{clean(link)}"), self._seen, links={link})
        local = local_pair(seen.name)
        # A channel that called us is in state Ring at first sight; one seen late called if the call is its own.
        originating = not local and (seen.state == "Ring" or (seen.state == "Up" and seen.uniqueid == link))
        appeared = LegAppeared(
            group.id,
            at,
            self.leg_of(seen.uniqueid),
            endpoint_of(seen.name),
            seen.number,
            seen.caller,
            (dialled or extension(seen.exten)) if originating else "",
            originating,
            local,
            up=seen.state == "Up",
        )
        channel = Channel(seen.uniqueid, appeared.leg, group, appeared, answered=appeared.up)
        about = self._held_by(appeared) if originating else None
        self.channels[seen.uniqueid] = channel
        group.channels.add(seen.uniqueid)
        out.append(appeared)
        if about is not None and about.group is not group:
            out.append(ConsultationBegan(group.id, at, appeared.leg, about.call))
        return channel

    def _held_by(self, caller: LegAppeared) -> Channel | None:
        """The call that this phone has put on hold: what it dials meanwhile is a consultation about it."""
        held = (one for one in self._holding.values() if one.appeared.endpoint == caller.endpoint)
        return next(held, None) if caller.endpoint else None

    def hold(self, channel: Channel, holds: bool) -> None:
        """Its phone has put the other side on hold, or has taken it back."""
        if holds:
            self._holding[channel.uniqueid] = channel
        else:
            self._holding.pop(channel.uniqueid, None)

    def merge(self, one: Group, other: Group, at: float, out: Events) -> None:
        """Two calls turn out to be one: the older goes on."""
        if one is other:
            return
        older, newer = (one, other) if one.order < other.order else (other, one)
        for uniqueid in newer.channels:
            self.channels[uniqueid].group = older
        for link in newer.links:
            self._groups[link] = older
        older.channels |= newer.channels
        older.links |= newer.links
        out.append(CallsMerged(older.id, at, newer.id))

    def end(self, channel: Channel, cause: str, at: float, out: Events) -> None:
        """The channel has gone, and its call with the last one."""
        self.leave(channel, at, out)
        self.off_the_line(channel, at, out)
        out.append(LegEnded(channel.call, at, channel.leg, cause))
        for bridge_id, room in list(self._rooms.items()):
            if channel.leg in room.members:
                room.members.discard(channel.leg)
                out.append(LegEnded(room.call, at, channel.leg, cause))
                if not room.members:
                    del self._rooms[bridge_id]
        del self.channels[channel.uniqueid]
        self.hold(channel, False)
        self._bury(channel.uniqueid)
        channel.group.channels.discard(channel.uniqueid)
        if not channel.group.channels:
            for link in channel.group.links:
                self._groups.pop(link, None)

    def facing(self, channel: Channel) -> list[Channel]:
        """Who else is in the conversation's bridge."""
        others = self._talks.get(channel.bridge, ()) if channel.bridge else ()
        return [self.channels[one] for one in sorted(others) if one != channel.uniqueid]

    def _relinked(self, channel: Channel, link: str, at: float, out: Events) -> None:
        if channel.met_strangers:
            return
        other = self._groups.get(link)
        if other is None:
            self._groups[link] = channel.group
            channel.group.links.add(link)
        else:
            self.merge(channel.group, other, at, out)

    def _bury(self, uniqueid: str) -> None:
        self._gone[uniqueid] = None
        if len(self._gone) > MOST_GONE:
            del self._gone[next(iter(self._gone))]

    # -- bridges -----------------------------------------------------------------------------------------------

    def join(self, channel: Channel, where: Bridge, at: float, out: Events) -> None:
        """The channel is in this bridge now; safe to repeat."""
        if not where.id or channel.bridge == where.id:
            return
        self.leave(channel, at, out)  # only if its own message was missed
        self.off_the_line(channel, at, out)
        channel.bridge, channel.kind = where.id, where.kind
        channel.met_strangers |= where.kind is not BridgeKind.TALK
        if where.kind is BridgeKind.ROOM:
            self._join_room(channel, where, at, out)
            return
        if where.kind is BridgeKind.TALK:
            others = self._talks.setdefault(where.id, set())
            for other in tuple(others):
                self.merge(channel.group, self.channels[other].group, at, out)
            others.add(channel.uniqueid)
        out.append(LegJoined(channel.call, at, channel.leg, where.id, where.kind))

    def leave(self, channel: Channel, at: float, out: Events) -> None:
        """The channel is in no bridge now; safe to repeat."""
        bridge_id, channel.bridge = channel.bridge, None
        if bridge_id is None:
            return
        out.append(LegLeft(channel.call, at, channel.leg, bridge_id))
        others = self._talks.get(bridge_id)
        if others is not None:
            others.discard(channel.uniqueid)
            if not others:
                del self._talks[bridge_id]
        room = self._rooms.get(bridge_id)
        if room is not None:
            self._leave_room(bridge_id, room, channel.leg, at, out)

    def replace(self, old: Channel, new: Channel, at: float, out: Events) -> None:
        """One channel takes another's place in its bridge."""
        if old.bridge is None:
            return
        room = self.room_of(old)
        self.join(new, Bridge(old.bridge, old.kind, room.name if room else ""), at, out)
        self.leave(old, at, out)

    def _join_room(self, channel: Channel, where: Bridge, at: float, out: Events) -> None:
        room = self._rooms.get(where.id)
        if room is None:
            call = CallId(f"{self.pbx}/room:{where.name}:{where.id}")
            room = self._rooms[where.id] = Room(call, where.name)
        out.append(LegJoined(channel.call, at, channel.leg, where.id, BridgeKind.ROOM, where.name))
        if channel.leg not in room.members:
            room.members.add(channel.leg)
            out.append(_as_member(channel.appeared, room.call, at))
        if channel.sort:  # a page is a conference too, and must be known as a page before anybody is heard
            out.append(AttributeSet(room.call, at, channel.leg, "kind", channel.sort))
        room.present.add(channel.leg)
        out.append(LegJoined(room.call, at, channel.leg, where.id, BridgeKind.ROOM, where.name))

    def _leave_room(self, bridge_id: BridgeId, room: Room, leg: LegId, at: float, out: Events) -> None:
        out.append(LegLeft(room.call, at, leg, bridge_id))
        room.present.discard(leg)
        if not room.present:
            del self._rooms[bridge_id]
            out.extend(LegEnded(room.call, at, member, "conference over") for member in sorted(room.members))

    # -- queues ------------------------------------------------------------------------------------------------

    def off_the_line(self, channel: Channel, at: float, out: Events) -> None:
        """A caller who left a queue's line and goes on without an agent: the queue's part is over."""
        if channel.left_line:
            self.out_of_queue(channel, channel.queue, at, out)

    def out_of_queue(self, channel: Channel, queue: str, at: float, out: Events) -> None:
        channel.queue, channel.left_line = "", False
        out.append(QueueLeft(channel.call, at, channel.leg, queue))


def _as_member(seen: LegAppeared, room: CallId, at: float) -> LegAppeared:
    return LegAppeared(
        room, at, seen.leg, seen.endpoint, seen.number, seen.name, seen.dialled, seen.originating, seen.local, up=True
    )
