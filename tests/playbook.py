"""Playbook: a play of one call, `>>` what happens, `<<` what must be asked for; and Scene, which writes its events.

    scene = Scene()
    play = Playbook(policy)
    play >> scene.appears("a", "carrier1", dialled="0205550100") << NOTHING
    play >> scene.joins("a") >> scene.joins("b") << Start

Commands that a `<<` does not name are an error at the next `>>`. Timers are kept apart: see `timers`.
"""

from __future__ import annotations

from controller.core import session as sessions
from controller.core.commands import (
    CallId,
    CancelTimer,
    Command,
    LegId,
    RecorderCommand,
    SetTimer,
)
from controller.core.events import (
    AgentConnected,
    Asked,
    AskedBy,
    AttributeSet,
    BridgeId,
    BridgeKind,
    Done,
    Event,
    Failed,
    LegAnswered,
    LegAppeared,
    LegDialled,
    LegEnded,
    LegJoined,
    LegLeft,
    LegRang,
    QueueJoined,
    QueueLeft,
    RecorderLost,
    TimerFired,
)
from controller.core.policy import Policy
from controller.core.session import Session
from hardware.keys import Key

NOTHING = None
BEGAN = 1_795_000_000.0  # a Wednesday in November 2026, 06:53 UTC


class Scene:
    """Writes the events of one call, a tenth of a second apart, with short names for its legs."""

    def __init__(self, call: str = "main/1.1", began: float = BEGAN) -> None:
        self.call = CallId(call)
        self.now = began

    def leg(self, name: str) -> LegId:
        return LegId(f"main/{name}")

    def at(self, seconds: float = 0.1) -> float:
        self.now += seconds
        return self.now

    def appears(
        self, leg: str, endpoint: str, number: str = "", dialled: str = "", originating: bool = True, local: str = ""
    ) -> Event:
        return LegAppeared(
            self.call,
            self.at(),
            self.leg(leg),
            endpoint,
            number=number or endpoint,
            dialled=dialled,
            originating=originating,
            local=local,
        )

    def dials(self, leg: str, peer: str, number: str = "", presented: str = "") -> Event:
        return LegDialled(self.call, self.at(), self.leg(leg), self.leg(peer), number, presented)

    def rings(self, leg: str) -> Event:
        return LegRang(self.call, self.at(), self.leg(leg))

    def answers(self, leg: str) -> Event:
        return LegAnswered(self.call, self.at(), self.leg(leg))

    def joins(self, leg: str, bridge: str = "b1", kind: BridgeKind = BridgeKind.TALK, room: str = "") -> Event:
        return LegJoined(self.call, self.at(), self.leg(leg), BridgeId(bridge), kind, room)

    def leaves(self, leg: str, bridge: str = "b1") -> Event:
        return LegLeft(self.call, self.at(), self.leg(leg), BridgeId(bridge))

    def ends(self, leg: str) -> Event:
        return LegEnded(self.call, self.at(), self.leg(leg), "normal")

    def queues(self, leg: str, queue: str) -> Event:
        return QueueJoined(self.call, self.at(), self.leg(leg), queue)

    def connects(self, leg: str, queue: str) -> Event:
        return AgentConnected(self.call, self.at(), self.leg(leg), queue)

    def unqueues(self, leg: str, queue: str) -> Event:
        return QueueLeft(self.call, self.at(), self.leg(leg), queue)

    def tells(self, leg: str, name: str, value: str) -> Event:
        return AttributeSet(self.call, self.at(), self.leg(leg), name, value)

    def presses(self, leg: str, key: Key) -> Event:
        return Asked(self.call, self.at(), f"leg {leg}", key, AskedBy.LEG, self.leg(leg))

    def operator(self, key: Key, by: str = "operator ann") -> Event:
        return Asked(self.call, self.at(), by, key)

    def confirms(self, command: RecorderCommand) -> Event:
        return Done(self.call, self.at(), command)

    def refuses(self, command: RecorderCommand, reason: str = "refused", leg_gone: bool = False) -> Event:
        return Failed(self.call, self.at(), command, reason, leg_gone)

    def loses(self, command: RecorderCommand, leg_gone: bool = False) -> Event:
        reason = "its leg ended" if leg_gone else "died"
        return RecorderLost(self.call, self.at(), command.recording, command.segment, reason, leg_gone)

    def fires(self, timer: str) -> Event:
        return TimerFired(self.call, self.at(), timer)


class Playbook:
    """One call's session, fed with `>>`, its commands checked with `<<`."""

    def __init__(self, policy: Policy, call: str = "main/1.1", confirming: bool = False) -> None:
        self.policy = policy
        self.session: Session = sessions.begin(CallId(call), BEGAN)
        self.timers: dict[str, float] = {}
        self.asked: list[Command] = []
        self.confirming = confirming  # answer every recorder command at once, as a good PBX does
        self.said: list[str] = []
        self._open: list[Command] = []

    def __rshift__(self, event: Event) -> Playbook:
        self._nothing_left(f"before {type(event).__name__}")
        self._hear(event)
        return self

    def __lshift__(self, expected: type[Command] | Command | None) -> Playbook:
        story = "\n  ".join(self.said)
        if expected is None:
            self._nothing_left("where nothing was expected")
            return self
        assert self._open, f"nothing asked where {expected} was expected, after\n  {story}"
        command = self._open.pop(0)
        if isinstance(expected, type):
            assert isinstance(command, expected), f"{command} instead of {expected.__name__}, after\n  {story}"
        else:
            assert command == expected, f"{command} instead of {expected}, after\n  {story}"
        return self

    def last(self, kind: type[Command]) -> Command:
        """The newest command of a kind."""
        return next(command for command in reversed(self.asked) if isinstance(command, kind))

    def _hear(self, event: Event) -> None:
        self.said.append(f">> {event}")
        self.session, commands = sessions.step(self.session, event, self.policy)
        for command in commands:
            self.said.append(f"<< {command}")
            self.asked.append(command)
            if isinstance(command, SetTimer):
                self.timers[command.timer] = command.seconds
            elif isinstance(command, CancelTimer):
                self.timers.pop(command.timer, None)
            else:
                self._open.append(command)
        if self.confirming:
            for command in commands:
                if isinstance(command, RecorderCommand):
                    self._hear(Done(command.call, event.at + 0.002, command))

    def _nothing_left(self, when: str) -> None:
        story = "\n  ".join(self.said)
        assert not self._open, f"asked {self._open} {when}, after\n  {story}"
