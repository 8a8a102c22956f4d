"""What the lines of a story mean: each sentence as the events that a PBX tells of it (see tests/pbx/traces)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from controller.core.commands import CallId, LegId, Pause, RecorderCommand, Resume, Start, Stop
from controller.core.events import (
    AgentConnected,
    AttributeSet,
    BridgeId,
    BridgeKind,
    CallsMerged,
    ConsultationBegan,
    DigitPressed,
    HoldBegan,
    HoldEnded,
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
from hardware.keys import Key
from tests.stories.stage import Stage

WHO = r"([\w+*#]+)"
DOES: list[tuple[re.Pattern[str], str]] = []
"""Sentence → the method of Cast that plays it."""
KINDS: dict[str, type[RecorderCommand]] = {"start": Start, "stop": Stop, "pause": Pause, "resume": Resume}
TONE_SECONDS = 0.08

Act = Callable[..., Awaitable[None] | None]


class NotAStory(Exception):
    """A line that means nothing here; the text says which, and what would."""


def sentence(pattern: str) -> Callable[[Act], Act]:
    def known(act: Act) -> Act:
        DOES.append((re.compile(pattern.replace("WHO", WHO)), act.__name__))
        return act

    return known


@dataclass(slots=True)
class Talk:
    """One call of the story."""

    id: CallId
    dialled: str
    trunk: str
    legs: list[LegId] = field(default_factory=list)  # on the PBX now, the caller's first
    answered: set[LegId] = field(default_factory=set)
    joined: dict[LegId, BridgeId] = field(default_factory=dict)
    queue: str = ""
    room: CallId | None = None


def is_extension(name: str) -> bool:
    return bool(re.fullmatch(r"1\d\d", name))


class Cast:
    """Who is on the stage, and what they can do. People are called by their numbers."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.talks: list[Talk] = []
        self.legs: dict[str, list[LegId]] = {}  # a person's legs, oldest first
        self._holding: dict[str, str] = {}  # who has whom on hold
        self._bridges = 0

    def act(self, line: str, block: str) -> Callable[[], Awaitable[None] | None]:
        """The line as something to be done. Raises NotAStory."""
        for pattern, name in DOES:
            if found := pattern.fullmatch(line):
                words = [*found.groups(), *([block] if name == "rules" else [])]
                return lambda: getattr(self, name)(*words)
        known = "\n  ".join(pattern.pattern.replace(WHO, "WHO") for pattern, _ in DOES)
        raise NotAStory(f"nobody knows what this means: {line}\nWhat is known:\n  {known}")

    # -- calls -----------------------------------------------------------------------------------------------

    @sentence(r"WHO calls WHO(?: through (\w+))?")
    def calls(self, who: str, dialled: str, trunk: str | None) -> None:
        talk = Talk(CallId(f"main/{len(self.talks) + 1}"), dialled, trunk or "")
        self.talks.append(talk)
        self.stage.names[talk.id] = f"{who}'s call" if dialled not in self.legs else f"{who}'s call to {dialled}"
        leg = self._leg(who, talk)
        endpoint = who if is_extension(who) else talk.trunk
        self.stage.say(LegAppeared(talk.id, self._at(), leg, endpoint, number=who, dialled=dialled))
        if who in self._holding:
            about = self._talk_of(self._of(self._holding[who]))
            self.stage.say(ConsultationBegan(talk.id, self._at(), leg, about.id))

    @sentence(r"WHO rings")
    def rings(self, who: str) -> None:
        talk = self._ringing()
        leg, caller = self._leg(who, talk), talk.legs[0]
        endpoint = who if is_extension(who) else talk.trunk
        self.stage.say(
            LegAppeared(talk.id, self._at(), leg, endpoint, number=who, originating=False),
            LegDialled(talk.id, self._at(), caller, leg, who),
            LegRang(talk.id, self._at(), leg),
        )

    @sentence(r"WHO answers")
    def answers(self, who: str) -> None:
        talk = self._ringing()
        if not any(leg in talk.legs for leg in self.legs.get(who, ())):
            self.rings(who)
        leg = self._of(who)
        self.stage.say(LegAnswered(talk.id, self._at(), leg))
        if talk.queue:
            self.stage.say(AgentConnected(talk.id, self._at(), talk.legs[0], talk.queue))
        self._meet(talk, leg)
        for other in [each for each in talk.legs if each not in talk.joined]:
            self._end(talk, other)  # rang too, and somebody else was quicker

    @sentence(r"WHO picks it up")
    def picks_up(self, who: str) -> None:
        """From another phone, while it rings."""
        talk = self._ringing()
        rang = talk.legs[1:]
        leg = self._comes(who, "*8", talk)
        for each in rang:
            self._end(talk, each)
        self._meet(talk, leg)

    @sentence(r"WHO holds WHO")
    def holds(self, who: str, whom: str) -> None:
        self._holding[who] = whom
        leg = self._of(whom)
        self.stage.say(HoldBegan(self._talk_of(leg).id, self._at(), leg))

    @sentence(r"WHO takes WHO back")
    def takes_back(self, who: str, whom: str) -> None:
        del self._holding[who]
        leg = self._of(whom)
        self.stage.say(HoldEnded(self._talk_of(leg).id, self._at(), leg))

    @sentence(r"WHO parks WHO")
    def parks(self, who: str, whom: str) -> None:
        leg, kept = self._of(who), self._of(whom)
        talk = self._talk_of(leg)
        self._leave(talk, kept)
        lot = BridgeId("parking lot")
        talk.joined[kept] = lot
        self.stage.say(LegJoined(talk.id, self._at(), kept, lot, BridgeKind.PARKING))
        self._end(talk, leg)

    @sentence(r"WHO fetches WHO")
    def fetches(self, who: str, whom: str) -> None:
        """Out of the parking lot."""
        kept = self._of(whom)
        talk = self._talk_of(kept)
        leg = self._comes(who, "701", talk)
        self._leave(talk, kept)
        self._meet(talk, leg)

    @sentence(r"WHO hangs up")
    def hangs_up(self, who: str) -> None:
        """Whoever is left alone in the end is hung up by the PBX, except in a room or a queue."""
        leg = self._of(who)
        talk = self._talk_of(leg)
        others = [each for each in talk.legs if each != leg]
        alone = len(others) == 1 or len(talk.joined) < 2
        # A caller's leg ends last, whoever hung up: it is the one that waits for the others in the dialplan.
        gone = sorted([leg, *others], key=lambda each: each == talk.legs[0]) if alone else [leg]
        for each in gone:
            self._leave(talk, each)
        for each in gone:
            self._end(talk, each)

    @sentence(r"WHO sends WHO to WHO")
    def sends(self, who: str, whom: str, to: str) -> None:
        """A blind transfer: gone before anybody answers."""
        leg, kept = self._of(who), self._of(whom)
        talk = self._talk_of(leg)
        self._leave(talk, kept)
        self._end(talk, leg)
        talk.dialled = to
        self.talks.sort(key=lambda each: each is talk)  # who rings now, rings for this one

    @sentence(r"WHO connects WHO with WHO")
    def connects(self, who: str, whom: str, to: str) -> None:
        """An attended transfer: two calls become one, and who arranged it is out of it."""
        first, second = (self._talk_of(self._of(name)) for name in (whom, to))
        mine, asked = (self._in(who, talk) for talk in (first, second))
        kept, called = self._of(whom), self._of(to)
        bridge = second.joined[called]
        self._leave(first, kept)
        self._leave(second, asked)
        self.stage.say(CallsMerged(first.id, self._at(), second.id))
        self.stage.say(LegJoined(first.id, self._at(), kept, bridge))
        first.joined[kept] = bridge
        second.legs.remove(asked)
        self.stage.say(LegEnded(first.id, self._at(), asked, "normal"))
        self._end(first, mine)
        first.legs.append(called)
        first.joined[called] = bridge
        second.legs.clear()

    # -- queues and rooms ------------------------------------------------------------------------------------

    @sentence(r"WHO waits in queue (\w+)")
    def waits(self, who: str, queue: str) -> None:
        leg = self._of(who)
        talk = self._talk_of(leg)
        talk.queue = queue
        talk.answered.add(leg)
        self.stage.say(LegAnswered(talk.id, self._at(), leg), QueueJoined(talk.id, self._at(), leg, queue))

    @sentence(r"WHO leaves the queue")
    def leaves_queue(self, who: str) -> None:
        leg = self._of(who)
        talk = self._talk_of(leg)
        self.stage.say(QueueLeft(talk.id, self._at(), leg, talk.queue))
        talk.queue = ""

    @sentence(r"WHO enters room (\w+)")
    def enters(self, who: str, room: str) -> None:
        """A conference is a call of its own; each member's leg is in both."""
        leg = self._of(who)
        talk = self._talk_of(leg)
        talk.room = CallId(f"main/room:{room}:1")
        bridge = BridgeId(f"room-{room}")
        self.stage.names[talk.room] = f"room {room}"
        endpoint = who if is_extension(who) else talk.trunk
        self.stage.say(
            LegAnswered(talk.id, self._at(), leg),
            LegJoined(talk.id, self._at(), leg, bridge, BridgeKind.ROOM, room),
            LegAppeared(talk.room, self._at(), leg, endpoint, number=who, dialled=talk.dialled, up=True),
            LegJoined(talk.room, self._at(), leg, bridge, BridgeKind.ROOM, room),
        )
        talk.joined[leg] = bridge

    # -- what people and the dialplan say --------------------------------------------------------------------

    @sentence(r"WHO presses (record|stop|toggle|pause|resume)")
    def presses(self, who: str, key: str) -> None:
        leg = self._of(who)
        talk = self._talk_of(leg)
        self.stage.ask(talk.room or talk.id, Key(key), who, leg)

    @sentence(r"the operator asks for (record|stop|pause|resume) on WHO's call")
    def operator(self, key: str, who: str) -> None:
        talk = self._talk_of(self._of(who))
        self.stage.ask(talk.room or talk.id, Key(key), "the operator")

    @sentence(r"WHO types ([0-9*#]+)")
    async def types(self, who: str, digits: str) -> None:
        leg = self._of(who)
        for digit in digits:
            await self.stage.passes(0.25)
            self.stage.say(DigitPressed(self._talk_of(leg).id, self._at(), leg, digit, TONE_SECONDS))

    @sentence(r"the dialplan says (\w+)=(\w+)")
    def dialplan(self, name: str, value: str) -> None:
        talk = self._ringing()
        self.stage.say(AttributeSet(talk.id, self._at(), talk.legs[0], name, value))

    @sentence(r"the rules change to")
    def rules(self, block: str) -> None:
        self.stage.engine.use(self.stage.read(block))  # type: ignore[arg-type]

    # -- the PBX and the clock -------------------------------------------------------------------------------

    @sentence(r"([\d.]+) (seconds?|minutes?|hours?) pass(?:es)?")
    async def passes(self, count: str, unit: str) -> None:
        seconds = {"s": 1, "m": 60, "h": 3600}[unit[0]]
        await self.stage.passes(float(count) * seconds)

    @sentence(r"the PBX refuses the next (?:(\d+) )?(start|stop|pause|resume)s?")
    def refuses(self, count: str | None, what: str) -> None:
        self.stage.pbx.refusals[KINDS[what]] = int(count or 1)

    @sentence(r"the PBX answers (nothing|again)")
    def silent(self, what: str) -> None:
        self.stage.pbx.silent = what == "nothing"

    @sentence(r"the recorder dies")
    def dies(self) -> None:
        self.stage.crash("died")

    @sentence(r"the link to the PBX breaks")
    def breaks(self) -> None:
        self.stage.pbx.disconnect("cut")

    @sentence(r"the link to the PBX is back")
    def back(self) -> None:
        self.stage.reconnect()

    # -- inside ----------------------------------------------------------------------------------------------

    def _at(self) -> float:
        return self.stage.clock()

    def _leg(self, who: str, talk: Talk) -> LegId:
        mine = self.legs.setdefault(who, [])
        leg = LegId(f"main/{who}" if not mine else f"main/{who}-{len(mine) + 1}")
        self.stage.people[leg] = f"{who} (second leg)" if any(self._live(who)) else who
        mine.append(leg)
        talk.legs.append(leg)
        return leg

    def _comes(self, who: str, dialled: str, talk: Talk) -> LegId:
        """Somebody dials in, and his call is joined to another one."""
        own = CallId(f"main/{who}-{dialled}")
        leg = self._leg(who, talk)
        self.stage.say(
            LegAppeared(own, self._at(), leg, who, number=who, dialled=dialled),
            LegAnswered(own, self._at(), leg),
            CallsMerged(talk.id, self._at(), own),
        )
        return leg

    def _meet(self, talk: Talk, leg: LegId) -> None:
        """This leg and the caller's are in one bridge from here on."""
        self._bridges += 1
        bridge = BridgeId(f"b{self._bridges}")
        for each in (leg, talk.legs[0]):
            if each not in talk.answered and each != leg:
                self.stage.say(LegAnswered(talk.id, self._at(), each))
            talk.answered.add(each)
            talk.joined[each] = bridge
            self.stage.say(LegJoined(talk.id, self._at(), each, bridge))

    def _live(self, who: str) -> Iterator[LegId]:
        for leg in reversed(self.legs.get(who, [])):
            if any(leg in talk.legs for talk in self.talks):
                yield leg

    def _of(self, who: str) -> LegId:
        """The newest leg of this person that is on the PBX. Raises NotAStory."""
        for leg in self._live(who):
            return leg
        raise NotAStory(f"{who} is on no call")

    def _in(self, who: str, talk: Talk) -> LegId:
        for leg in self._live(who):
            if leg in talk.legs:
                return leg
        raise NotAStory(f"{who} is not on that call")

    def _talk_of(self, leg: LegId) -> Talk:
        return next(talk for talk in self.talks if leg in talk.legs)

    def _ringing(self) -> Talk:
        """The newest call that is not over."""
        for talk in reversed(self.talks):
            if talk.legs:
                return talk
        raise NotAStory("there is no call")

    def _leave(self, talk: Talk, leg: LegId) -> None:
        bridge = talk.joined.pop(leg, None)
        if bridge is not None:
            self.stage.say(LegLeft(talk.id, self._at(), leg, bridge))
            if talk.room is not None:
                self.stage.say(LegLeft(talk.room, self._at(), leg, bridge))

    def _end(self, talk: Talk, leg: LegId) -> None:
        self._leave(talk, leg)
        talk.legs.remove(leg)
        if talk.room is not None:
            self.stage.say(LegEnded(talk.room, self._at(), leg, "normal"))
        self.stage.say(LegEnded(talk.id, self._at(), leg, "normal"))
