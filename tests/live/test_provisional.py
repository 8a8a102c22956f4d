"""Retroactive Record on real calls: captured from the first second, nobody's until somebody asks for it (B-10)."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from controller import lab
from controller.app import App
from controller.catalogue import search
from controller.catalogue.entries import MarkEntry, RecordingEntry, Status
from controller.catalogue.receipts import list_receipts
from controller.core.recording import State
from controller.lab import Asterisk, Call, MakePhone, ears, sounds
from controller.lab.home import HOME, pbx_table
from controller.lab.sounds import Samples
from controller.pipeline.provisional import SHREDDED
from controller.pipeline.sealed import PAGE, Key, KeyGone, Sealed, fingerprint
from tests.live.captures import KEEP, everything, samples_of, watching
from tests.live.controlling import ROSTER
from tests.live.faulty import alarm, fill, running
from tests.live.killing import Child
from tests.live.killing import _reading as reading
from tests.live.test_controller import entries, only, sound
from tests.live.test_keys_whole import story

CHUNK, LEFT = 8192, 16_384
VOICE = sounds.noise(31, 60.0)
OTHER = sounds.noise(32, 60.0)


def small(app: App) -> None:
    """So that a short call is sealed many times."""
    app.line.provisional.chunk, app.line.provisional.left = CHUNK, LEFT


async def talking(phone: MakePhone) -> Call:
    alice, bob = await phone("100"), await phone("101")
    bob.auto(OTHER)
    return await alice.call("101", say=VOICE)


def holds(whole: Samples, part: Samples) -> bool:
    """Whether the part is in the whole, every sample of it, one behind the other."""
    begin = int(np.flatnonzero(np.abs(part.astype(int)) > 500)[0])
    starts = np.flatnonzero(whole == part[begin]) - begin
    return any(start >= 0 and np.array_equal(whole[start : start + len(part)], part) for start in starts)


@pytest.mark.proves("B-10", "F-065")
async def test_pressing_record_late_keeps_every_sample_from_the_first_second(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with running(tmp_path, asterisk, KEEP) as app, watching(asterisk, tmp_path) as watch:
        small(app)
        call = await talking(phone)
        await asyncio.sleep(7)
        assert app.line.provisional.moved > 3 * 3 * CHUNK
        assert not watch.plain
        await call.press("*44")
        await asyncio.sleep(3)
        await call.hangup()
        await lab.until(lambda: not app.engine.sessions)
        watch.look()
        (entry,) = await entries(app, 1)
        recording = only(entry)
        marks = (await story(app, entry)).marks
        samples, rate = sound(app, recording)
        left = [*asterisk.memory_dir.rglob("*.wav"), *asterisk.memory_dir.rglob("*.key")]
        left += [path for name in ("sealed", "restored") for path in (tmp_path / "spool" / name).iterdir()]
    assert recording.status is Status.KEPT
    assert recording.length > 9.5
    for channel, spoken in ((0, VOICE), (1, OTHER)):
        heard = ears.locate(samples[:, channel], sounds.through_ulaw(spoken), rate=rate)
        assert heard[0].sent < 0.5
        assert heard[-1].sent_end > 9.5
        assert sum(one.seconds for one in heard) > 9.0, heard  # a phone that sends a digit is silent meanwhile
    one, other = (samples_of(watch.written[f"{recording.id}.1{side}.wav"]) for side in ("-r", "-t"))
    assert min(len(one), len(other)) > 8.5 * rate
    assert holds(samples[:, 0], one) or holds(samples[:, 1], one)
    assert holds(samples[:, 0], other) or holds(samples[:, 1], other)
    assert watch.scanned >= 10
    assert not left
    assert SHREDDED not in {mark.kind for mark in marks}


@pytest.mark.proves("B-10", "I-13")
async def test_what_nobody_keeps_was_never_on_the_disk_and_can_never_be_read_again(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    thief = tmp_path.parent / f"{tmp_path.name}-stolen"
    async with running(tmp_path, asterisk, KEEP) as app, watching(asterisk, tmp_path) as watch:
        small(app)
        call = await talking(phone)
        await asyncio.sleep(7)
        (key_file,) = (asterisk.memory_dir / "keys").iterdir()
        key = Key.read(key_file)
        assert key is not None
        assert key_file.stat().st_mode & 0o777 == 0o600
        shutil.copytree(tmp_path / "spool", thief / "spool")
        await call.hangup()
        await lab.until(lambda: not key_file.exists(), deadline=2)
        (entry,) = await entries(app, 1)
        recording = only(entry)
        (receipt,) = [mark for mark in (await story(app, entry)).marks if mark.kind == SHREDDED]
        await asyncio.to_thread(watch.scan)
    captured = watch.written[f"{recording.id}.1-r.wav"]
    assert ears.locate(samples_of(captured), sounds.through_ulaw(VOICE)), "the watch has the speech that it looks for"
    assert any(name.endswith(".sealed") for name in watch.searched)
    assert not watch.plain
    assert (recording.status, recording.why) == (Status.DROPPED, "nobody asked to keep it")
    assert receipt.by == fingerprint(key.id)
    assert "was destroyed" in receipt.note
    assert not [path for path in asterisk.memory_dir.rglob("*") if path.is_file()]
    assert key.secret not in everything([tmp_path, thief, *_disks(asterisk)])
    stolen = sorted((thief / "spool" / "sealed").glob("*.sealed"))
    assert len(stolen) == 3
    for path in stolen:
        sealed = Sealed(path)
        assert path.stat().st_size > 5 * CHUNK
        with pytest.raises(KeyGone):
            list(sealed.opened(Key.new()))
        wrong = Key(key.id, Key.new().secret)
        assert {plain for _, _, plain in sealed.opened(wrong)} == {None}
    whole = Sealed(stolen[0]).opened(key)
    assert any(plain for _, _, plain in whole), "with its key it could have been read"
    shutil.rmtree(thief)


@pytest.mark.proves("B-10")
async def test_a_long_call_takes_no_more_memory_than_a_short_one(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with running(tmp_path, asterisk, KEEP) as app, watching(asterisk, scan_every=60) as watch:
        small(app)
        call = await talking(phone)
        await asyncio.sleep(12)
        early = watch.most
        await asyncio.sleep(20)
        sizes = [path.stat().st_size for path in asterisk.memory_dir.glob("*.wav")]
        await call.hangup()
        await entries(app, 1)
    # What stays at the end, a chunk, what Asterisk writes at a time, and what came between two looks.
    bound = PAGE + LEFT + CHUNK + 2 * 32_768
    print(f"most memory of one file: {watch.most} bytes, {early} after 12 s, of {min(sizes)} bytes written")
    assert min(sizes) > 3 * bound
    assert watch.most <= bound


@pytest.mark.proves("B-10")
async def test_a_controller_that_is_killed_in_the_middle_still_keeps_the_whole_call(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    """With chunks as they are delivered; what is sealed before the kill, while nobody is there, and after."""
    child = killed(asterisk, tmp_path)
    await child.start()
    await child.ready()
    async with watching(asterisk, tmp_path) as watch:
        call = await talking(phone)
        sealed = tmp_path / "spool" / "sealed"
        await lab.until(lambda: _size(sealed) > 3 * 65_536, deadline=20)
        await child.kill()
        assert not watch.plain
        await asyncio.sleep(3)
        await child.start()
        await child.ready()
        await lab.until(lambda: _size(sealed) > 6 * 65_536, deadline=20)
        assert not watch.plain
        await call.press("*44")
        await lab.until(lambda: list(sealed.glob("*.key")), deadline=5)
        await asyncio.sleep(1)
        talked = len(call.sent().times) * 0.02
        await call.hangup()
        recording = await settled(tmp_path)
    await child.stop()
    assert recording.status is Status.KEPT
    samples, rate = soundfile.read(tmp_path / "store" / recording.folder / "recording.wav", dtype="int16")
    heard = ears.locate(samples[:, 1], sounds.through_ulaw(OTHER), rate=rate)
    assert heard[0].sent < 0.5
    assert talked > 14
    assert sum(one.seconds for one in heard) > talked - 1.0, heard
    both = [samples_of(watch.written[f"{recording.id}.1{side}.wav"]) for side in ("-r", "-t")]
    assert all(any(holds(samples[:, channel], one) for channel in (0, 1)) for one in both)
    assert _left(asterisk, tmp_path) == []


@pytest.mark.proves("B-10")
async def test_a_machine_that_loses_its_power_leaves_only_what_nobody_can_read(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    child = killed(asterisk, tmp_path)
    await child.start()
    await child.ready()
    async with watching(asterisk, tmp_path) as watch:
        call = await talking(phone)
        sealed = tmp_path / "spool" / "sealed"
        await lab.until(lambda: _size(sealed) > 3 * 65_536, deadline=20)
        await child.kill()
        await call.hangup()
        await asyncio.sleep(1)
        await asyncio.to_thread(watch.scan)
        (key_file,) = (asterisk.memory_dir / "keys").iterdir()
        key = Key.read(key_file)
        assert key is not None
        assert not watch.plain
        assert key.secret not in everything([tmp_path, *_disks(asterisk)])
        for path in (*asterisk.memory_dir.glob("*.wav"), key_file):
            path.unlink()  # as the loss of power does
        assert sealed.is_dir()
        await child.start()
        await child.ready()
        recording = await settled(tmp_path)
        await asyncio.to_thread(watch.scan)
        (receipt,) = await child_marks(tmp_path, recording.id, SHREDDED)
    await child.stop()
    assert not watch.plain
    assert (recording.status, recording.why) == (Status.DROPPED, "nobody asked to keep it")
    assert receipt.by == fingerprint(key.id)
    assert "went with the machine's memory" in receipt.note
    assert _left(asterisk, tmp_path) == []


@pytest.mark.proves("B-10")
async def test_a_call_that_was_asked_for_outlives_a_loss_of_power_as_far_as_it_was_sealed(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    child = killed(asterisk, tmp_path)
    await child.start()
    await child.ready()
    call = await talking(phone)
    sealed = tmp_path / "spool" / "sealed"
    await asyncio.sleep(2)
    await call.press("*44")
    await lab.until(lambda: list(sealed.glob("*.key")), deadline=5)
    await lab.until(lambda: _size(sealed) > 6 * 65_536, deadline=20)
    await child.kill()
    await call.hangup()
    await asyncio.sleep(0.5)
    for path in (*asterisk.memory_dir.glob("*.wav"), *(asterisk.memory_dir / "keys").iterdir()):
        path.unlink()
    await child.start()
    await child.ready()
    recording = await settled(tmp_path)
    await child.stop()
    assert recording.status is Status.KEPT
    samples, rate = soundfile.read(tmp_path / "store" / recording.folder / "recording.wav", dtype="int16")
    heard = ears.locate(samples[:, 1], sounds.through_ulaw(OTHER), rate=rate)
    assert heard[0].sent < 0.5
    assert sum(one.seconds for one in heard) > 2 * 65_536 / 16_000 - 0.5
    assert _left(asterisk, tmp_path) == []


def killed(pbx: Asterisk, folder: Path) -> Child:
    """A controller of its own process, to be killed."""
    (folder / "onrecord.toml").write_text(ROSTER + KEEP + pbx_table(pbx) + HOME)
    return Child(folder / "onrecord.toml")


async def settled(folder: Path) -> RecordingEntry:
    """What became of the only recording, awaited."""
    async with asyncio.timeout(20):
        while True:
            async with reading(folder) as catalogue:
                found = [one for call in await search.list_calls(catalogue) for one in call.recordings]
            if found and found[0].status is not Status.WORKING:
                (recording,) = found
                return recording
            await asyncio.sleep(0.1)


async def child_marks(folder: Path, recording: str, kind: str) -> list[MarkEntry]:
    async with reading(folder) as catalogue:
        (call,) = await search.show(catalogue, recording)
    return [mark for each in call.recordings for mark in each.marks if mark.kind == kind]


def _size(sealed: Path) -> int:
    return sum(path.stat().st_size for path in sealed.glob("*.sealed"))


def _disks(pbx: Asterisk) -> list[Path]:
    return [path for path in pbx.home.iterdir() if path.is_dir() and path != pbx.memory_dir]


def _left(pbx: Asterisk, folder: Path) -> list[str]:
    """Files of captures that nobody needs any more."""
    places = (pbx.memory_dir, folder / "spool")
    return [path.name for place in places for path in place.rglob("*") if path.is_file()]


@pytest.mark.proves("B-10")
async def test_who_keeps_and_then_hears_a_refusal_destroys_the_key_all_the_same(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with running(tmp_path, asterisk, KEEP) as app:
        small(app)
        call = await talking(phone)
        sealed = tmp_path / "spool" / "sealed"
        await lab.until(lambda: len(list(sealed.glob("*.sealed"))) == 3)
        await call.press("*44")
        await lab.until(lambda: list(sealed.glob("*.key")))
        await call.press("*46")
        await asyncio.sleep(0.5)
        await call.hangup()
        (entry,) = await entries(app, 1)
        recording = only(entry)
        marks = (await story(app, entry)).marks
    assert (recording.status, recording.why) == (Status.DROPPED, "a party refused to be recorded")
    assert [mark.by != "" for mark in marks if mark.kind == SHREDDED] == [True]
    assert _left(asterisk, tmp_path) == []


@pytest.mark.proves("B-10")
@pytest.mark.parametrize("pressed", [True, False])
async def test_all_that_a_transferred_call_captured_is_kept_or_destroyed_together(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path, pressed: bool
) -> None:
    """The customer talks with Alice, she with Carol, then Carol with the customer: two calls that become one."""
    rules = KEEP.replace('extension = "100"', 'extension = ["100", "102"]')
    alice, carol, world = await phone("100"), await phone("102"), await carrier("carrier1")
    async with running(tmp_path, asterisk, rules) as app, watching(asterisk, tmp_path) as watch:
        small(app)
        outside = await world.dial("0205550100", caller="0301234567", say=VOICE)
        first = await (await alice.rings()).answer(OTHER)
        await asyncio.sleep(3)
        await first.hold()
        second = await alice.dial("102", say=OTHER)
        at_carol = await (await carol.rings()).answer(sounds.noise(33, 60.0))
        await second.answered()
        await asyncio.sleep(3)
        assert await first.transfer_to(second) == 202
        await asyncio.sleep(3)
        assert not watch.plain
        if pressed:
            await at_carol.press("*44")
        await asyncio.sleep(1)
        await outside.hangup()
        found = [one for call in await entries(app, 1) for one in call.recordings]
        await asyncio.to_thread(watch.scan)
        receipts = await list_receipts(app.catalogue, None)
        left = _left(asterisk, tmp_path)
    assert left == []
    assert len(found) >= 1
    assert {one.status for one in found} == {Status.KEPT if pressed else Status.DROPPED}
    assert {one.recording for one in receipts} == (set() if pressed else {one.id for one in found})
    assert bool(watch.plain) is pressed, "kept audio is in the store, and nothing else is anywhere"


async def test_full_memory_is_told_the_call_goes_on_and_recording_does_when_there_is_room(
    asterisk: Asterisk, phone: MakePhone, tmp_path: Path
) -> None:
    async with running(tmp_path, asterisk, KEEP) as app:
        call = await talking(phone)
        await lab.until(lambda: list((asterisk.memory_dir / "keys").glob("*.key")))
        await asyncio.sleep(2)
        filler = fill(asterisk.memory_dir, leave=65_536)
        try:
            full = await alarm(app, "space-full", 10)
            assert f"{asterisk.memory_dir} (provisional main) is full" in full.what
            assert "recorders cannot write" in full.what
            assert "in memory more room" in full.remedy
            await alarm(app, "recorder", 15)
            assert call.up
        finally:
            filler.unlink()
        await lab.until(lambda: not [one for one in app.engine.alarms.active() if "full" in one.what], deadline=20)
        await call.press("*44")
        await asyncio.sleep(5)
        await call.hangup()
        (entry,) = await entries(app, 1)
        recording = only(entry)
        samples, rate = sound(app, recording)
        left = _left(asterisk, tmp_path)
    assert recording.status is Status.KEPT
    heard = ears.locate(samples[:, 1], sounds.through_ulaw(OTHER), rate=rate)
    assert heard[0].sent < 0.5
    assert heard[-1].seconds > 2.0
    assert left == []


@pytest.mark.proves("B-10", "B-05")
async def test_pauses_and_typed_numbers_before_anybody_asks_are_silent_in_what_is_kept(
    asterisk: Asterisk, phone: MakePhone, carrier: MakePhone, tmp_path: Path
) -> None:
    customer, house, secret, typed = 450, 700, 950, 1209
    alice, world = await phone("100"), await carrier("carrier1")
    async with running(tmp_path, asterisk, KEEP) as app:
        small(app)
        call = await world.dial("0205550100", caller="0201234567", say=sounds.tone(customer), loop=True)
        at_alice = await (await alice.rings()).answer(sounds.tone(house), loop=True)
        await asyncio.sleep(1.5)
        call.say(sounds.tone(typed), loop=True)
        await call.press("5929")
        call.say(sounds.tone(customer), loop=True)
        await asyncio.sleep(6)
        await at_alice.press("*47")
        await lab.until(lambda: _state(app) is State.PAUSED)
        call.say(sounds.tone(secret), loop=True)
        await asyncio.sleep(2.5)
        call.say(sounds.tone(customer), loop=True)
        await asyncio.sleep(0.2)
        await at_alice.press("*49")
        await lab.until(lambda: _state(app) is State.ON)
        await asyncio.sleep(1)
        await at_alice.press("*44")
        await asyncio.sleep(1)
        await call.hangup()
        (entry,) = await entries(app, 1)
        recording = only(entry)
        samples, rate = sound(app, recording)
        left = _left(asterisk, tmp_path)
    assert recording.status is Status.KEPT
    found = ears.tones(samples[:, 0], rate)
    assert {tone.frequency for tone in found if tone.seconds >= 0.1} == {customer}
    assert sum(tone.seconds for tone in found if tone.frequency == customer) > 4
    assert max(span.seconds for span in ears.silences(samples[:, 0], rate)) > 2.3
    assert left == []


def _state(app: App) -> State:
    (session,) = app.engine.sessions.values()
    return session.recording.state if session.recording is not None else State.OFF
