"""AMI messages -> core events. Pure: no I/O, no clock; the same messages give the same events, always.

Messages may come twice, late or not at all: a channel that nobody announced is made from the headers at hand, and one
that has hung up stays dead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from controller.core.commands import CallId, LegId
from controller.core.consent import AGREES, REFUSES
from controller.core.events import (
    AgentConnected,
    Asked,
    AskedBy,
    AttributeSet,
    CallGone,
    ConsentKeyed,
    DigitPressed,
    Event,
    GateReached,
    HoldBegan,
    HoldEnded,
    LegDialled,
    LegRang,
    NoticePlayed,
    QueueJoined,
    SwitchDialled,
)
from controller.pbx.asterisk.filters import VARIABLE
from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.memory import Channel, Events, Memory, bridge, sight
from controller.pbx.asterisk.naming import clean, dialled_number, is_technical
from controller.pbx.asterisk.telephones import PRESSED
from hardware.sequences import DIGITS

SWITCHED = {"on": True, "off": False, "toggle": None}
MOST_KINDS = 200
"""Kinds of strange messages that are counted by name."""
OTHERS = frozenset({"FullyBooted", "Shutdown", "MixMonitorStart", "MixMonitorStop", "MixMonitorMute"})
"""Not about calls: the driver hears them itself."""
PREFIX = f"{VARIABLE}_"
_GATES = (
    "GATE",
    "PROMPT",
    "PASSED",
    "SAID",
    "WORD",
    "ASKED",
    "HEARD",
    "LEFT",
    "GATE_WAIT",
    "DOWN",
    "EARLY",
    "SPOOL",
    "NAME_OF",
    "SWITCH",
    "CALLER",
    "PBX",
)
HEARD = ("SUCCESS", "USERSTOPPED")
"""How ControlPlayback ends where the prompt could be played, by itself or by a key."""
OURS = frozenset(f"{PREFIX}{name}" for name in ("MIX", "ROOM", "ROOM_MIX", *_GATES))
"""Variables of the driver (with VARIABLE alone) and of our own dialplan: no news to anybody, and what a caller keyed
in the gate is nobody's business."""


class Translation:
    """Translates one PBX's messages, with the memory that it needs for it."""

    def __init__(self, pbx: str) -> None:
        self.odd: dict[str, int] = {}
        self._memory = Memory(pbx)
        self._hears: dict[str, Callable[[Message, float, Events], None]] = {
            "Newchannel": self._appeared,
            "Newstate": self._appeared,
            "DialBegin": self._dialled,
            "BridgeEnter": self._entered,
            "BridgeLeave": self._left,
            "Hangup": self._hung_up,
            "Hold": self._hold,
            "Unhold": self._unhold,
            "MusicOnHoldStart": self._music,
            "MusicOnHoldStop": self._music,
            "Pickup": self._picked_up,
            "AttendedTransfer": self._transferred,
            "QueueCallerJoin": self._queued,
            "QueueCallerLeave": self._left_line,
            "QueueCallerAbandon": self._queue_over,
            "AgentConnect": self._connected,
            "AgentComplete": self._queue_over,
            "VarSet": self._told,
            "DTMFBegin": self._digit_began,
            "DTMFEnd": self._digit_ended,
            "UserEvent": self._said_by_dialplan,
        }

    # -- what is asked of it -----------------------------------------------------------------------------------

    def hear(self, message: Message, at: float) -> list[Event]:
        """The core events of one message, in order; none for most. Never raises for anything a PBX may send."""
        out: Events = []
        hears = self._hears.get(message.event)
        if hears is not None:
            hears(message, at, out)
        elif message.event not in OTHERS:
            self.count(f"event {clean(message.event)}")
        return out

    def knows(self, uniqueid: str) -> bool:
        """Whether this channel is alive, as far as was heard."""
        return uniqueid in self._memory.channels

    def leg_of(self, uniqueid: str) -> LegId:
        """Our name for a channel."""
        return self._memory.leg_of(uniqueid)

    def legs_at(self, endpoint: str) -> list[LegId]:
        """The live channels of an endpoint."""
        channels = self._memory.channels.values()
        return [channel.leg for channel in channels if channel.appeared.endpoint == endpoint]

    def call_of(self, uniqueid: str, room: bool = False) -> CallId | None:
        """The call that a live channel belongs to now, or the conference that it is in."""
        channel = self._memory.channels.get(uniqueid)
        if channel is None or not room:
            return channel.call if channel else None
        home = self._memory.room_of(channel)
        return home.call if home else None

    def end(self, uniqueid: str, at: float, cause: str) -> list[Event]:
        """Another witness says that this channel has gone."""
        out: Events = []
        channel = self._memory.channels.get(uniqueid)
        if channel is not None:
            self._memory.end(channel, cause, at, out)
        return out

    def end_bridge(self, bridge_id: str, at: float) -> list[Event]:
        """Another witness says that this bridge has gone; whoever is still believed to be in it has left."""
        out: Events = []
        for channel in [one for one in self._memory.channels.values() if one.bridge == bridge_id]:
            self._memory.leave(channel, at, out)
        return out

    def snapshot(self, statuses: Iterable[Message], bridges: Iterable[Message], at: float) -> list[Event]:
        """Everything as it is now, after a (re)connect.

        `statuses`: the items of AMI Status. `bridges`: the items of BridgeList. What was known and is not there any
        more ends; a call of which nothing is left is CallGone.
        """
        statuses = [status for status in statuses if not is_technical(status.get("Channel"))]
        out = self._buried(frozenset(status.get("Uniqueid") for status in statuses), at)
        known = {one.get("BridgeUniqueid"): one for one in bridges}
        for status in sorted(statuses, key=_age, reverse=True):
            self._resume(status, known, at, out)
        return out

    # -- channels ----------------------------------------------------------------------------------------------

    def _appeared(self, message: Message, at: float, out: Events) -> None:
        channel = self._memory.channel(sight(message), at, out)
        if channel is not None and message.get("ChannelStateDesc") == "Ringing":
            out.append(LegRang(channel.call, at, channel.leg))

    def _hung_up(self, message: Message, at: float, out: Events) -> None:
        channel = self._memory.channel(sight(message), at, out)
        if channel is not None:
            self._memory.end(channel, clean(message.get("Cause-txt")), at, out)

    def _dialled(self, message: Message, at: float, out: Events) -> None:
        caller = self._memory.channel(sight(message), at, out)
        peer = self._memory.channel(sight(message, "Dest"), at, out)
        if caller is None or peer is None:  # an Originate has no caller
            return
        self._memory.off_the_line(caller, at, out)
        number = dialled_number(message.get("DialString"))
        presented = clean(message.get("DestConnectedLineNum"))
        out.append(LegDialled(caller.call, at, caller.leg, peer.leg, number, presented))

    def _entered(self, message: Message, at: float, out: Events) -> None:
        channel = self._memory.channel(sight(message), at, out)
        if channel is not None:
            self._memory.join(channel, bridge(message), at, out)

    def _left(self, message: Message, at: float, out: Events) -> None:
        channel = self._memory.channel(sight(message), at, out)
        if channel is not None and channel.bridge == clean(message.get("BridgeUniqueid")):
            self._memory.leave(channel, at, out)

    # -- transfers ---------------------------------------------------------------------------------------------
    # A blind transfer needs nothing here: the transferee keeps its channel and call, leaves, dials and joins.

    def _picked_up(self, message: Message, at: float, out: Events) -> None:
        picker = self._memory.channel(sight(message), at, out)
        target = self._memory.channel(sight(message, "Target"), at, out)
        if picker is not None and target is not None:
            self._memory.merge(picker.group, target.group, at, out)

    def _transferred(self, message: Message, at: float, out: Events) -> None:
        if message.get("Result") != "Success":
            return
        first, second, transferee = (
            self._memory.channel(sight(message, who), at, out)
            for who in ("OrigTransferer", "SecondTransferer", "Transferee")
        )
        if first is None or second is None:
            return
        self._memory.merge(first.group, second.group, at, out)
        if message.get("DestType") == "App" and transferee is not None:
            # Into a conference the transferee slips by masquerade, and no BridgeEnter tells of it (22.10.1).
            self._memory.replace(second, transferee, at, out)
        if message.get("DestType") != "Threeway":
            # They are out of it now. Let go while the target rings, the channel itself lives until the answer.
            for transferer in {first.uniqueid: first, second.uniqueid: second}.values():
                self._memory.end(transferer, "transferred", at, out)

    # -- holding -----------------------------------------------------------------------------------------------
    # A phone that puts somebody on hold says Hold about itself; where there is music, its hearer is named too.

    def _hold(self, message: Message, at: float, out: Events) -> None:
        channel = self._memory.channel(sight(message), at, out)
        if channel is not None:
            self._memory.hold(channel, True)
            out.extend(HoldBegan(one.call, at, one.leg) for one in self._memory.facing(channel))

    def _unhold(self, message: Message, at: float, out: Events) -> None:
        channel = self._memory.channel(sight(message), at, out)
        if channel is not None:
            self._memory.hold(channel, False)
            out.extend(HoldEnded(one.call, at, one.leg) for one in self._memory.facing(channel))

    def _music(self, message: Message, at: float, out: Events) -> None:
        channel = self._memory.channel(sight(message), at, out)
        if channel is not None:
            began = message.event == "MusicOnHoldStart"
            out.append((HoldBegan if began else HoldEnded)(channel.call, at, channel.leg))

    # -- queues ------------------------------------------------------------------------------------------------

    def _queued(self, message: Message, at: float, out: Events) -> None:
        channel = self._memory.channel(sight(message), at, out)
        if channel is not None:
            self._memory.off_the_line(channel, at, out)
            channel.queue = clean(message.get("Queue"))
            out.append(QueueJoined(channel.call, at, channel.leg, channel.queue))

    def _left_line(self, message: Message, at: float, out: Events) -> None:
        """QueueCallerLeave comes both before AgentConnect and when nobody took the call; what follows tells which."""
        channel = self._memory.channel(sight(message), at, out)
        if channel is not None and channel.queue == clean(message.get("Queue")):
            channel.left_line = bool(channel.queue)

    def _queue_over(self, message: Message, at: float, out: Events) -> None:
        channel = self._memory.channel(sight(message), at, out)
        if channel is not None:
            self._memory.out_of_queue(channel, clean(message.get("Queue")), at, out)

    def _connected(self, message: Message, at: float, out: Events) -> None:
        channel = self._memory.channel(sight(message), at, out)
        if channel is not None:
            channel.queue, channel.left_line = clean(message.get("Queue")), False
            out.append(AgentConnected(channel.call, at, channel.leg, channel.queue))

    # -- keys and digits ---------------------------------------------------------------------------------------

    def _digit_began(self, message: Message, at: float, out: Events) -> None:
        channel = self._memory.channel(sight(message), at, out)
        if channel is not None and message.get("Direction") == "Received":
            channel.tone = True

    def _digit_ended(self, message: Message, at: float, out: Events) -> None:
        """A Record key comes as a digit that ends and never began (hardware.md B.6); a keypad's digit does both."""
        channel = self._memory.channel(sight(message), at, out)
        if channel is None or message.get("Direction") != "Received":
            return
        digit, began, channel.tone = message.get("Digit"), channel.tone, False
        if digit in PRESSED and not began:
            out.append(Asked(channel.call, at, "record key", PRESSED[digit], AskedBy.LEG, channel.leg))
        elif digit in DIGITS and len(digit) == 1:
            room = self._memory.room_of(channel)
            length = _milliseconds(message.get("DurationMs")) / 1000
            for call in (channel.call, *((room.call,) if room else ())):
                out.append(DigitPressed(call, at, channel.leg, digit, length))
        else:
            self.count("digit that is none")

    def _said_by_dialplan(self, message: Message, at: float, out: Events) -> None:
        """What our own dialplan tells (dialplan/asterisk). Its values are literals of that dialplan."""
        channel = self._memory.channel(sight(message), at, out)
        if channel is None:
            return
        call, leg, name = channel.call, channel.leg, message.get("UserEvent")
        match name:
            case "OnRecordSwitch" if message.get("State") in SWITCHED:
                out.append(SwitchDialled(call, at, leg, SWITCHED[message.get("State")]))
            case "OnRecordGate":
                target = clean(message.get("Target"))
                out.append(GateReached(call, at, leg, message.get("Side") == "callee", target))
            case "OnRecordTold":
                out.append(NoticePlayed(call, at, leg, message.get("Status") == "SUCCESS"))
            case "OnRecordSaid" if message.get("Status") not in HEARD:
                out.append(NoticePlayed(call, at, leg, whole=False))
            case "OnRecordSaid":
                digit = message.get("Digit")
                # Any other digit may be the first of a card number, which is nobody's business.
                out.append(ConsentKeyed(call, at, leg, digit if digit in (AGREES, REFUSES) else ""))
            case "OnRecordNative":
                pass  # the driver hears it itself
            case _:
                self.count(f"user event {clean(name)}")

    # -- the rest ----------------------------------------------------------------------------------------------

    def _told(self, message: Message, at: float, out: Events) -> None:
        variable = message.get("Variable").lstrip("_")
        if variable.startswith(PREFIX) and variable not in OURS:
            channel = self._memory.channel(sight(message), at, out)
            if channel is not None:
                self._attribute(channel, variable, message.get("Value"), at, out)

    def _attribute(self, channel: Channel, variable: str, value: str, at: float, out: Events) -> None:
        name, value = clean(variable.removeprefix(PREFIX)).lower(), clean(value)
        if not name or not variable.startswith(PREFIX) or variable in OURS:
            return
        if name == "kind":
            channel.sort = value
        out.append(AttributeSet(channel.call, at, channel.leg, name, value))

    def _buried(self, alive: frozenset[str], at: float) -> Events:
        """The ends of what was known and is not there any more."""
        lost = [channel for channel in self._memory.channels.values() if channel.uniqueid not in alive]
        gone = {channel.call for channel in lost if not channel.group.channels & alive}
        out: Events = [CallGone(call, at) for call in sorted(gone)]
        for channel in lost:
            ended: Events = []
            self._memory.end(channel, "gone", at, ended)
            out.extend(event for event in ended if event.call not in gone)
        return out

    def _resume(self, status: Message, bridges: Mapping[str, Message], at: float, out: Events) -> None:
        seen = sight(status)
        if not seen.uniqueid:
            return
        if not self.knows(seen.uniqueid):
            self._meet(self._memory.make(seen, at, out, dialled=clean(status.get("DNID"))), status, at, out)
        channel = self._memory.channel(seen, at, out)
        if channel is None:
            return
        where = status.get("BridgeID")
        if where in bridges:
            self._memory.join(channel, bridge(bridges[where]), at, out)
        elif not clean(where):
            self._memory.leave(channel, at, out)

    def _meet(self, channel: Channel, status: Message, at: float, out: Events) -> None:
        """What a status tells of the past that we missed: who was dialled, which queue, the dialplan's words."""
        leg, appeared = channel.leg, channel.appeared
        if not appeared.originating and not appeared.local:
            caller, presented = self.leg_of(status.get("Linkedid")), clean(status.get("ConnectedLineNum"))
            out.append(LegDialled(channel.call, at, caller, leg, appeared.number, presented))
        if status.get("Application") == "Queue":
            channel.queue = clean(status.get("Data").partition(",")[0])
            connected = clean(status.get("BridgeID"))
            out.append((AgentConnected if connected else QueueJoined)(channel.call, at, leg, channel.queue))
        for line in status.all("Variable"):
            variable, _, value = line.partition("=")
            if clean(value):
                self._attribute(channel, variable, value, at, out)

    def count(self, what: str) -> None:
        """Something strange, by name."""
        if what in self.odd or len(self.odd) < MOST_KINDS:
            self.odd[what] = self.odd.get(what, 0) + 1


def _milliseconds(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 7 else 0


def _age(status: Message) -> int:
    seconds = status.get("Seconds")
    return int(seconds) if seconds.isdecimal() and len(seconds) < 12 else 0
