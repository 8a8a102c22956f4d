"""Transfers as plays on the private PBX: who calls, hands over, parks, picks up; and what each party heard when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib import resources

from controller import lab
from controller.lab import Admin, Asterisk, Audio, Call, Phone, ears, sounds
from controller.lab.asterisk import fill
from controller.lab.media import FRAME

CUSTOMER, FIRST, SECOND, THIRD = 600, 800, 1000, 1150
"""What each party says, in Hz: apart from the music on hold and from the tones of the PBX."""
HOUSE = (FIRST, SECOND, THIRD)
TALK = 1.0
"""Seconds that each pair talks."""
FIRST_EXTENSION = 130
"""130 to 199: three for each call, the first of which names its queues, its room and its DDI."""
RECORDED_TRUNK, OTHER_TRUNK = "carrier2", "carrier1"


def tone(pitch: int) -> sounds.Samples:
    return sounds.tone(pitch)


# -- the office ------------------------------------------------------------------------------------------------------

DIALPLAN = """
[ddi](+)
exten => _0205550[1]XX,1,Goto(extensions,${EXTEN:7},1)
exten => _02055711XX,1,Goto(queues,q${EXTEN:7},1)
exten => _02055721XX,1,Goto(queues,r${EXTEN:7},1)
exten => _02055731XX,1,Goto(queues,l${EXTEN:7},1)
exten => _02055741XX,1,Goto(queues,p${EXTEN:7},1)
[extensions](+)
exten => _66X1XX,1,Goto(queues,q${EXTEN:3},1)
exten => _8801XX,1,Answer()
 same => n,ConfBridge(${EXTEN},default_bridge,default_user)
 same => n,Hangup()
"""


def queues(extension: int) -> str:
    """The queues whose only agent this is: plain, impatient, behind a Local channel, and one that stays."""
    return f"""
[q{extension}](line)
member => PJSIP/{extension}
[r{extension}](line)
timeout = 2
member => PJSIP/{extension}
[l{extension}](line)
member => Local/{extension}@agents
[p{extension}](line)
member => Local/{extension}@agents/n
"""


def configuration(extensions: Iterable[int]) -> dict[str, str]:
    """Configuration beside the lab's own, for the phones of the plays; their passwords are `secret_of` them."""
    template = (resources.files("controller.lab") / "etc" / "phone.conf").read_text()
    every = list(extensions)
    phones = "".join(fill(template, {"ext": str(n), "name": f"P{n}", "secret": secret_of(n)}) for n in every)
    return {
        "pjsip.d/transfers.conf": phones,
        "queues.d/transfers.conf": "".join(queues(n) for n in every),
        "extensions.d/transfers.conf": DIALPLAN,
    }


def secret_of(extension: int) -> str:
    return f"transfers-{extension}"


@asynccontextmanager
async def phone(pbx: Asterisk, extension: int) -> AsyncIterator[Phone]:
    """A registered phone of the plays."""
    number = str(extension)
    made = Phone(pbx.phone_address(number), f"{pbx.host}:{pbx.sip_port}", number, secret_of(extension))
    await made.open()
    try:
        await made.register()
        yield made
        await made.register(0)
    finally:
        with suppress(TimeoutError):  # a play that went wrong may leave calls that nobody answers
            await made.close()


class World:
    """The far ends of both trunks: places calls as anybody, and is called under any number."""

    def __init__(self, carriers: dict[str, Phone]) -> None:
        self.carriers = carriers
        self._expected: dict[str, asyncio.Future[Call]] = {}
        for one in carriers.values():
            one.answering = self._rang

    def expect(self, number: str) -> asyncio.Future[Call]:
        """The next call to this number; it rings until somebody answers it."""
        return self._expected.setdefault(number, asyncio.get_running_loop().create_future())

    async def _rang(self, call: Call) -> None:
        self.expect(call.number).set_result(call)


@asynccontextmanager
async def world(pbx: Asterisk) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        names = (RECORDED_TRUNK, OTHER_TRUNK)
        yield World({name: await stack.enter_async_context(lab.carrier(pbx, name)) for name in names})


# -- one call --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Stage:
    """One call to be played: the parties, and when what happened (Unix time)."""

    pbx: Asterisk
    admin: Admin
    world: World
    rule: str
    extension: int
    first: Phone
    second: Phone
    third: Phone
    at: dict[str, float] = field(default_factory=dict)
    customer: Call | None = None
    dialled: str = ""
    calls: list[Call] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def number(self) -> str:
        """The customer's."""
        return f"03012{self.extension:05}"

    @property
    def ddi(self) -> str:
        """The company's own number on this call, as the policy writes it."""
        return f"+31{(self.dialled or f'0205550{self.extension}')[1:]}"

    @property
    def queue(self) -> str:
        """The queue that was dialled."""
        return {"71": "q", "72": "r", "73": "l", "74": "p"}[self.dialled[5:7]] + str(self.extension)

    @property
    def trunk(self) -> str:
        return RECORDED_TRUNK if self.rule == "trunk" else OTHER_TRUNK

    @property
    def second_number(self) -> str:
        return self.second.user

    @property
    def room(self) -> str:
        return f"880{self.extension}"

    def note(self, what: str) -> None:
        self.at.setdefault(what, time.time())

    def watch(self, call: Call, what: str) -> None:
        """Note the moment at which this call ends."""

        async def ended() -> None:
            await call.ended(60)
            self.note(what)

        self.tasks.append(asyncio.create_task(ended()))

    # -- what plays are made of

    async def dials(self, number: str) -> Call:
        """The customer calls in."""
        self.dialled = number
        carrier = self.world.carriers[self.trunk]
        self.customer = await carrier.dial(number, caller=self.number, say=tone(CUSTOMER), loop=True)
        return self.customer

    async def answers(self, phone: Phone, pitch: int, out: str = "") -> Call:
        """The next call that rings there is taken, after a short while."""
        call = await phone.rings()
        await asyncio.sleep(0.25)
        await call.answer(tone(pitch), loop=True)
        if out:
            self.watch(call, out)
        return call

    async def talks_to_first(self, queue: str = "1") -> Call:
        """The customer has called in, and talks to the first phone: by its DDI, or as the agent of a queue."""
        prefix = f"020557{queue}" if self.rule == "queue" or queue != "1" else "0205550"
        await self.dials(f"{prefix}{self.extension}")
        call = await self.answers(self.first, FIRST, "first out")
        await asyncio.sleep(TALK)
        return call

    async def meets(self, phone: Phone, pitch: int) -> Call:
        """Somebody else of the house answers, and they talk."""
        call = await self.answers(phone, pitch)
        await asyncio.sleep(TALK)
        return call

    async def over(self) -> None:
        """The customer hangs up."""
        assert self.customer is not None
        await asyncio.sleep(0.1)
        self.note("over")
        await self.customer.hangup()

    async def channel(self, phone: Phone) -> str:
        """The PBX's name for the newest channel of a phone."""
        names = [e["Channel"] for e in self.admin.events if e.get("Event") == "Newchannel"]
        return next(name for name in reversed(names) if name.startswith(f"PJSIP/{phone.user}-"))

    async def customers_channel(self) -> str:
        events = [e for e in self.admin.events if e.get("Event") in ("Newchannel", "DialBegin")]
        for event in reversed(events):
            if event.get("CallerIDNum") == self.number and event["Channel"].startswith("PJSIP/carrier"):
                return event["Channel"]
            if event.get("DialString", "").startswith(self.number):
                return event["DestChannel"]
        raise LookupError(self.number)


Play = Callable[[Stage], Awaitable[None]]


async def blind_refer(stage: Stage) -> None:
    call = await stage.talks_to_first()
    assert await call.transfer(stage.second_number) == 202
    await stage.meets(stage.second, SECOND)
    await stage.over()


async def blind_refer_twice(stage: Stage) -> None:
    call = await stage.talks_to_first()
    assert await call.transfer(stage.second_number) == 202
    next_ = await stage.meets(stage.second, SECOND)
    stage.watch(next_, "second out")
    assert await next_.transfer(stage.third.user) == 202
    await stage.meets(stage.third, THIRD)
    await stage.over()


async def attended_refer(stage: Stage) -> None:
    call = await stage.talks_to_first()
    await call.hold()
    stage.second.auto(tone(SECOND), loop=True, after=0.2)
    consultation = await stage.first.call(stage.second_number, say=tone(FIRST), loop=True)
    await asyncio.sleep(TALK)
    assert await call.transfer_to(consultation) == 202
    await asyncio.sleep(TALK)
    await stage.over()


async def blind_feature(stage: Stage) -> None:
    call = await stage.talks_to_first()
    await call.press("#1")
    await asyncio.sleep(0.4)
    await call.press(stage.second_number)
    await stage.meets(stage.second, SECOND)
    await stage.over()


async def attended_feature(stage: Stage) -> None:
    call = await stage.talks_to_first()
    await call.press("*2")
    await asyncio.sleep(0.5)
    await call.press(stage.second_number)
    await stage.meets(stage.second, SECOND)
    stage.note("second in")
    await call.hangup()
    await asyncio.sleep(TALK)
    await stage.over()


async def let_go_while_it_rings(stage: Stage) -> None:
    call = await stage.talks_to_first()
    await call.press("*2")
    await asyncio.sleep(0.5)
    await call.press(stage.second_number)
    ringing = await stage.second.rings()
    await asyncio.sleep(0.2)
    await call.hangup()
    await asyncio.sleep(0.4)
    stage.note("second in")
    await ringing.answer(tone(SECOND), loop=True)
    await asyncio.sleep(TALK)
    await stage.over()


async def ami_blind(stage: Stage) -> None:
    await stage.talks_to_first()
    channel = await stage.channel(stage.first)
    await stage.admin.act("BlindTransfer", Channel=channel, Context="from-phones", Exten=stage.second_number)
    await stage.meets(stage.second, SECOND)
    await stage.over()


async def ami_attended(stage: Stage) -> None:
    call = await stage.talks_to_first()
    channel = await stage.channel(stage.first)
    await stage.admin.act("Atxfer", Channel=channel, Context="from-phones", Exten=stage.second_number)
    await stage.meets(stage.second, SECOND)
    stage.note("second in")
    await call.hangup()
    await asyncio.sleep(TALK)
    await stage.over()


async def ami_redirect(stage: Stage) -> None:
    await stage.talks_to_first()
    channel = await stage.customers_channel()
    exten = stage.second_number
    await stage.admin.act("Redirect", Channel=channel, Context="from-phones", Exten=exten, Priority="1")
    await stage.meets(stage.second, SECOND)
    await stage.over()


async def consultation_refused(stage: Stage) -> None:
    call = await stage.talks_to_first()
    await call.hold()
    consultation = await stage.first.dial(stage.second_number, say=tone(FIRST), loop=True)
    ringing = await stage.second.rings()
    await asyncio.sleep(0.3)
    ringing.refuse(486)
    await consultation.ended()
    await call.resume()
    await asyncio.sleep(TALK)
    await stage.over()


async def consultation_given_up(stage: Stage) -> None:
    call = await stage.talks_to_first()
    await call.hold()
    stage.second.auto(tone(SECOND), loop=True, after=0.2)
    consultation = await stage.first.call(stage.second_number, say=tone(FIRST), loop=True)
    await asyncio.sleep(TALK)
    await consultation.hangup()
    await call.resume()
    await asyncio.sleep(TALK)
    await stage.over()


async def feature_consultation_refused(stage: Stage) -> None:
    call = await stage.talks_to_first()
    await call.press("*2")
    await asyncio.sleep(0.5)
    await call.press(stage.second_number)
    ringing = await stage.second.rings()
    await asyncio.sleep(0.3)
    ringing.refuse(486)
    await asyncio.sleep(2 * TALK)
    await stage.over()


async def picked_up(stage: Stage) -> None:
    await stage.dials(f"0205550{int(stage.first.user) + 1}")  # rings at the second phone
    await stage.second.rings()
    await asyncio.sleep(0.3)
    call = await stage.first.call(f"*8{stage.second.user}", say=tone(FIRST), loop=True)
    stage.watch(call, "first out")
    await asyncio.sleep(2 * TALK)
    await stage.over()


async def parked(stage: Stage) -> None:
    call = await stage.talks_to_first()
    assert await call.transfer("700") == 202
    lot = await stage.admin.event("ParkedCall", ParkeeChannel=await stage.customers_channel())
    stage.note("first out")  # he is still told where, by himself
    await asyncio.sleep(0.8)
    await stage.second.call(lot["ParkingSpace"], say=tone(SECOND), loop=True)
    await asyncio.sleep(TALK)
    await stage.over()


async def forwarded(stage: Stage) -> None:
    await stage.dials(f"0205550{int(stage.first.user) + 1}")
    (await stage.second.rings()).refuse(302, Contact=f"<sip:{stage.first.user}@{stage.pbx.host}>")
    await stage.answers(stage.first, FIRST, "first out")
    await asyncio.sleep(2 * TALK)
    await stage.over()


async def queue_tries_again(stage: Stage) -> None:
    await stage.dials(f"0205572{stage.extension}")
    await (await stage.first.rings()).ended()  # rings out
    await stage.answers(stage.first, FIRST, "first out")
    await asyncio.sleep(2 * TALK)
    await stage.over()


async def queue_to_queue(stage: Stage) -> None:
    call = await stage.talks_to_first("1")
    assert await call.transfer(f"660{stage.second.user}") == 202
    await stage.meets(stage.second, SECOND)
    await stage.over()


async def local_agent(stage: Stage) -> None:
    call = await stage.talks_to_first("3")
    assert await call.transfer(stage.second_number) == 202
    await stage.meets(stage.second, SECOND)
    await stage.over()


async def pinned_agent(stage: Stage) -> None:
    call = await stage.talks_to_first("4")
    assert await call.transfer(stage.second_number) == 202
    await stage.meets(stage.second, SECOND)
    await stage.over()


async def through_a_room(stage: Stage) -> None:
    """Handed over into a conference, and taken out of it again."""
    member = await stage.third.call(stage.room, say=tone(THIRD), loop=True)
    call = await stage.talks_to_first()
    assert await call.transfer(stage.room) == 202
    assert stage.customer is not None
    since = time.time()
    heard = stage.customer.heard
    await lab.until(lambda: seconds(heard().since(since), THIRD) >= TALK)
    channel = await stage.customers_channel()
    exten = stage.second_number
    stage.note("out of the room")
    await stage.admin.act("Redirect", Channel=channel, Context="from-phones", Exten=exten, Priority="1")
    await stage.meets(stage.second, SECOND)
    await stage.over()
    await member.hangup()


async def called_out(stage: Stage) -> None:
    """The first phone calls the customer, and hands him over."""
    await _reaches_out(stage, await stage.first.dial(_outside(stage), say=tone(FIRST), loop=True))


async def click_to_call(stage: Stage) -> None:
    """The PBX calls the first phone and then the customer, who is handed over."""
    await stage.admin.act(
        "Originate",
        Channel=f"PJSIP/{stage.first.user}",
        Context="from-phones",
        Exten=_outside(stage),
        Priority="1",
        CallerID=f"Click <{stage.first.user}>",
        Async="true",
    )
    call = await stage.first.rings()
    await call.answer(tone(FIRST), loop=True)
    await _reaches_out(stage, call)


def _outside(stage: Stage) -> str:
    return ("9" if stage.trunk == "carrier2" else "") + stage.number


async def _reaches_out(stage: Stage, call: Call) -> None:
    stage.customer = await asyncio.wait_for(stage.world.expect(stage.number), 10)
    await asyncio.sleep(0.25)
    await stage.customer.answer(tone(CUSTOMER), loop=True)
    stage.watch(call, "first out")
    await call.answered()
    await asyncio.sleep(TALK)
    assert await call.transfer(stage.second_number) == 202
    await stage.meets(stage.second, SECOND)
    await stage.over()


# -- what was heard --------------------------------------------------------------------------------------------------


def seconds(audio: Audio | sounds.Samples, pitch: int, rate: int = sounds.RATE) -> float:
    """How long this pitch was heard, all in all."""
    samples = audio.samples if isinstance(audio, Audio) else audio
    return sum(one.seconds for one in ears.tones(samples, rate) if one.frequency == pitch and one.seconds >= 0.06)


def between(audio: Audio, start: float, end: float) -> Audio:
    """What came in this time."""
    later = audio.since(start)
    count = sum(at < end for at in later.times)
    return Audio(later.samples[: count * FRAME], later.times[:count])


def first_heard(audio: Audio, pitches: Iterable[int]) -> float:
    """When the first of these pitches was heard for the first time."""
    found = [one for one in ears.tones(audio.samples) if one.frequency in pitches and one.seconds >= 0.06]
    return audio.times[round(min(one.start for one in found) / 0.02)]


def unrest(audio: Audio) -> float:
    """How far the packets of an unbroken stream were off their beat, in seconds."""
    late = [at - n * FRAME / sounds.RATE for n, at in enumerate(audio.times)]
    return max(late) - min(late)
