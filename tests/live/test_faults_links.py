"""Links that are cut, or up and silent; a PBX that is killed: what runs goes on, and the rest is made up for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from controller import lab
from controller.app import App
from controller.catalogue.entries import Status
from controller.core.recording import State
from controller.lab import Asterisk, Call, MakePhone, Phone, ears, sounds
from tests.live import faulty
from tests.live.faulty import alarm, until
from tests.live.test_controller import entries, only, sound

CALLER, CALLED = 450, 700
RULES = faulty.ALWAYS.replace('"101"', '"102"')
NOTICED = 5.0
"""Seconds from a fault to its alarm."""


class Gate:
    """A TCP relay to the PBX's manager port, which can fall silent or be cut."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.to = host, port
        self.port = 0
        self.shut = False
        self.accepted_at = 0.0  # when the first connection came since it was set to 0
        self._silent: set[asyncio.Task[None]] = set()
        self._pipes: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Gate]:
        server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
            for pipe in self._silent:
                pipe.cancel()

    def fall_silent(self) -> None:
        """What is connected stays so, and not a byte passes any more. New connections work."""
        for pipe in self._pipes:
            pipe.cancel()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.shut:
            writer.transport.abort()
            return
        self.accepted_at = self.accepted_at or time.time()
        far_reader, far_writer = await asyncio.open_connection(self.host, self.to)
        self._writers |= {writer, far_writer}
        for source, target in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(_pipe(source, target))
            self._pipes.add(task)
            task.add_done_callback(self._pipes.discard)


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
        target.close()


@asynccontextmanager
async def through(gate: Gate, pbx: Asterisk, folder: Path) -> AsyncIterator[App]:
    """A controller that reaches its PBX by this gate."""
    real, pbx.ami_port = pbx.ami_port, gate.port
    try:
        async with faulty.running(folder, pbx, RULES) as app:
            pbx.ami_port = real
            yield app
    finally:
        pbx.ami_port = real


async def recorded(app: App, calls: int = 1) -> None:
    """Wait until so many calls are confirmed to be recorded."""

    def on() -> int:
        recordings = [each.recording for each in app.engine.sessions.values()]
        return sum(each is not None and each.state is State.ON for each in recordings)

    await until(lambda: on() == calls, 10)


async def talk(caller: Phone, called: Phone, number: str) -> Call:
    called.auto(sounds.tone(CALLED), loop=True)
    return await caller.call(number, say=sounds.tone(CALLER), loop=True)


def tone_seconds(app: App, recording: object) -> float:
    samples, rate = sound(app, recording)  # type: ignore[arg-type]
    return sum(tone.seconds for tone in ears.tones(samples[:, 0], rate) if tone.frequency == CALLER)


@pytest.mark.proves("B-12", "F-163")
async def test_a_link_that_is_up_but_silent_is_noticed_and_calls_of_that_time_are_recorded(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob, carol, dave = [await phone(each) for each in ("100", "101", "102", "103")]
    async with Gate(asterisk.host, asterisk.ami_port).open() as gate, through(gate, asterisk, tmp_path) as app:
        first = await talk(alice, bob, "101")
        await recorded(app)
        gate.fall_silent()
        silent = time.time()
        second = await talk(carol, dave, "103")  # nobody hears of it
        told = await alarm(app, "link", 10)
        noticed = told.since - silent
        assert "silent" in told.what
        await until(lambda: not app.engine.alarms.active(), 10)
        assert not [each for each in app.engine.links.values() if each]
        await recorded(app, 2)
        made_up = time.time() - silent
        await asyncio.sleep(1)
        ended = time.time()
        await first.hangup()
        await second.hangup()
        found = await entries(app, 2)
    assert noticed < NOTICED
    assert made_up < 10
    other = next(each for each in found if each.dialled == "103")
    assert only(other).status is Status.KEPT
    assert tone_seconds(app, only(other)) > 0.8
    mine = next(each for each in found if each.dialled == "101")
    assert only(mine).status is Status.KEPT
    # One recorder all the time: nothing is missing of the call that was being recorded.
    assert abs(tone_seconds(app, only(mine)) - (ended - mine.talked_at.timestamp())) < 0.3  # type: ignore[union-attr]


@pytest.mark.proves("B-12")
async def test_a_cut_link_changes_nothing_for_calls_that_are_recorded_and_hands_over_those_that_ended(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    alice, bob, carol, dave = [await phone(each) for each in ("100", "101", "102", "105")]
    async with Gate(asterisk.host, asterisk.ami_port).open() as gate, through(gate, asterisk, tmp_path) as app:
        stays, ends = await talk(alice, bob, "101"), await talk(carol, dave, "105")
        await recorded(app, 2)
        gate.shut = True
        gate.cut()
        await alarm(app, "link", NOTICED)
        await asyncio.sleep(1)
        await ends.hangup()
        await asyncio.sleep(1)
        gate.shut = False
        await until(lambda: not app.engine.links["main"], 10)
        back = time.time()
        await until(lambda: len(app.engine.sessions) == 1, 2)
        await recorded(app, 1)
        righted = time.time() - back
        await asyncio.sleep(0.5)
        await stays.hangup()
        found = await entries(app, 2)
    assert righted < 1
    assert [only(each).status for each in found] == [Status.KEPT] * 2
    long, short = (next(each for each in found if each.dialled == number) for number in ("101", "105"))
    assert tone_seconds(app, only(long)) > tone_seconds(app, only(short)) + 0.8
    assert only(short).length > 0.9


@pytest.mark.proves("F-163", "B-11")
@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_what_a_pbx_had_written_before_it_went_down_is_kept_and_the_next_calls_are_recorded(
    tmp_path: Path, how: str
) -> None:
    async with Asterisk.running(lab.install()) as pbx, faulty.running(tmp_path, pbx) as app:
        async with lab.phone(pbx, "100") as alice, lab.phone(pbx, "101") as bob:
            await talk(alice, bob, "101")
            await recorded(app)
            await asyncio.sleep(5)
            await (pbx.kill() if how == "killed" else pbx.stop())
            await alarm(app, "link", NOTICED)
            for each in (*alice.calls.values(), *bob.calls.values()):
                each.is_over(each.status)
            await pbx.start()
            await until(lambda: not app.engine.links["main"], 20)
            (entry,) = await entries(app, 1)
            recording = only(entry)
            assert recording.status is Status.KEPT
            # A killed Asterisk takes what it had not written yet with it: up to 2.05 s.
            assert recording.length > (2.9 if how == "killed" else 4.8)
            assert tone_seconds(app, recording) > recording.length - 0.2
        async with lab.phone(pbx, "100") as alice, lab.phone(pbx, "101") as bob:
            call = await talk(alice, bob, "101")
            await recorded(app)
            await asyncio.sleep(1)
            await call.hangup()
            found = await entries(app, 2)
    assert [only(each).status for each in found] == [Status.KEPT] * 2
