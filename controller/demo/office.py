"""The office that the demo plays: who calls whom and says what, with `onrecord run` beside the PBX."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from controller.control import NotRunning, ask
from controller.demo.policy import write
from controller.lab import Asterisk, AsteriskFailed, CallRefused, Phone, carrier, install, phone, sounds
from controller.lab.baresip import baresip
from controller.lab.sipp import calling
from controller.lab.sounds import Samples

Say = Callable[[str], None]
BREATH_SECONDS = 0.4


class Broken(Exception):
    """The demo cannot go on; the text says why."""


TROUBLE = (AsteriskFailed, Broken, CallRefused, NotRunning, OSError, RuntimeError, TimeoutError)
"""What may become of the calls while some part of it all is away."""


async def play(folder: Path, say: Say) -> None:
    """Set up, place the calls, and wait until every recording is in the store. Raises Broken."""
    say("starting a private Asterisk …")
    async with Asterisk.running(install(say)) as pbx:
        socket = write(folder, pbx)
        say("starting onrecord run beside it …")
        async with _controller(folder, socket):
            began = time.monotonic()
            await calls(pbx, socket, say)
            say(f"all calls are over after {time.monotonic() - began:.0f} s; waiting for the last recording …")
            await _quiet(folder, socket)


@asynccontextmanager
async def _controller(folder: Path, socket: Path) -> AsyncIterator[None]:
    with (folder / "controller.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from controller.cli import main; main()",
            "run",
            "--config",
            str(folder / "onrecord.toml"),
            stdout=log,
            stderr=log,
        )
    try:
        await _until(lambda: _status(socket).get("pbxs") == {"main": "connected"}, f"see {folder}/controller.log")
        yield
    finally:
        process.terminate()
        await process.wait()


def _status(socket: Path) -> dict[str, object]:
    try:
        return ask(socket, {"do": "status"})
    except NotRunning:
        return {}


async def _until(true: Callable[[], bool], otherwise: str, deadline: float = 30) -> None:
    try:
        async with asyncio.timeout(deadline):
            while not await asyncio.to_thread(true):  # noqa: ASYNC110 another process tells nobody
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise Broken(f"the controller did not get there within {deadline:g} s: {otherwise}") from None


async def _quiet(folder: Path, socket: Path) -> None:
    def quiet() -> bool:
        return _status(socket).get("calls") == 0 and not any((folder / "spool" / "jobs").iterdir())

    await _until(quiet, f"see {folder}/controller.log")


async def _speech(text: str, voice: str = "rms") -> Samples:
    """What somebody says as soon as the call is answered, which nobody does in the same moment."""
    return np.concatenate([sounds.silence(BREATH_SECONDS), await sounds.speech(text, voice)])


def _once(line: Samples) -> Samples:
    """For programs that say a line again and again: not before the call is over."""
    return np.concatenate([line, sounds.silence(5)])


async def calls(pbx: Asterisk, socket: Path, say: Say) -> None:
    """Calls that do not share a phone are placed at once."""
    async with (
        phone(pbx, "100") as alice,
        phone(pbx, "101") as bob,
        phone(pbx, "102") as carol,
        phone(pbx, "103") as dave,
        phone(pbx, "110") as hanna,
        phone(pbx, "112") as jana,
        carrier(pbx, "carrier1") as world,
        baresip(pbx, "104", say=_once(await _speech("we are open from nine to five")), seconds=20),
    ):
        scenes: tuple[Awaitable[None], ...] = (
            _customer(alice, world, say),
            _internal(bob, carol, say),
            _queues(hanna, jana, world, say),
        )
        await asyncio.gather(*scenes)
        await asyncio.gather(_card(alice, world, socket, say), _demand(bob, dave, socket, say))
        await asyncio.gather(_conference((bob, carol, dave), say), _foreign(pbx, say))
        await _helpline(alice, world, say)


async def _customer(alice: Phone, world: Phone, say: Say) -> None:
    say("a customer calls 0205550100; Alice's calls are recorded")
    alice.auto(await _speech("good morning how can i help you"))
    call = await world.call("0205550100", caller="0301234567")
    await asyncio.sleep(3)
    call.say(await sounds.speech("please send me the bill", "awb"))
    await asyncio.sleep(2.5)
    await call.hangup()


async def _internal(bob: Phone, carol: Phone, say: Say) -> None:
    say("Bob calls Carol inside the house; no rule wants that")
    carol.auto(await _speech("we will call you back tomorrow"))
    call = await bob.call("102", say=await _speech("please hold the line"))
    await asyncio.sleep(3)
    await call.hangup()


async def _queues(hanna: Phone, jana: Phone, world: Phone, say: Say) -> None:
    for number, agent, queue, line in (
        ("0205550200", hanna, "sales, which is recorded", "i would like to buy a new car"),
        ("0205550300", jana, "support, which is not", "i want to cancel the contract"),
    ):
        say(f"a customer calls the queue {queue}")
        agent.auto(await _speech("what is the price of the red car"))
        call = await world.call(number, caller="0307654321", say=await _speech(line, "awb"))
        await asyncio.sleep(4)
        await call.hangup()


async def _card(alice: Phone, world: Phone, socket: Path, say: Say) -> None:
    say("Alice calls a customer, and pauses the recording while the card number is said")
    world.auto(await _speech("how much does it cost"))
    call = await alice.call("0307777777")
    await asyncio.sleep(2.5)
    await _key(socket, "pause", "0307777777")
    call.say(await sounds.speech("my credit card number is one two three four"))
    await asyncio.sleep(3.5)
    await _key(socket, "resume", "0307777777")
    call.say(await sounds.speech("your account has been closed"))
    await asyncio.sleep(3)
    await call.hangup()


async def _demand(bob: Phone, dave: Phone, socket: Path, say: Say) -> None:
    say("Bob calls Dave, who may record on demand, and does (`onrecord call start 103`)")
    dave.auto()
    call = await bob.call("103", say=await _speech("i want to speak to the manager"))
    await asyncio.sleep(3)
    await _key(socket, "start", "103")
    call.say(await sounds.speech("i bought a new house last year"))
    await asyncio.sleep(3)
    await call.hangup()


async def _conference(members: tuple[Phone, ...], say: Say) -> None:
    say("three people meet in conference 800, which is recorded")
    calls = [await each.call("800") for each in members]
    await asyncio.sleep(1.5)
    calls[0].say(await sounds.speech("let me transfer you to the sales department"))
    await asyncio.sleep(3.5)
    for call in calls:
        await call.hangup()


async def _foreign(pbx: Asterisk, say: Say) -> None:
    say("sipp calls a baresip phone through the second trunk, whose every call is recorded")
    line = _once(await _speech("the customer is very happy", "awb"))
    async with calling(pbx, "carrier2", "0205550104", say=line, seconds=4.0) as sipp:
        await sipp.finished(30)


async def _helpline(alice: Phone, world: Phone, say: Say) -> None:
    say("Alice calls a helpline: neither recorded nor listed")
    world.auto(await _speech("please hold the line"))
    call = await alice.call("0800116123")
    await asyncio.sleep(1.5)
    await call.hangup()


async def _key(socket: Path, do: str, call: str) -> None:
    answer = await asyncio.to_thread(ask, socket, {"do": do, "call": call, "by": "the demo"})
    if not answer["ok"]:
        raise Broken(f"{do} was refused: {answer['why']}")
