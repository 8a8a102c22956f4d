"""The line tap on a real PortAudio: a private PulseAudio plays what one program speaks to another that listens.

Skipped where neither it nor PortAudio can be installed.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from controller.lab import sound_card
from controller.lab.programs import LabNotSetUp
from controller.lab.root import WITH_US
from controller.lab.sound_card import INPUT, SoundCard
from hardware.sound_files import SoundFile
from tests.hardware.dtmf.signals import Samples
from tests.hardware.test_audio_tap import EDGE, RATE, Line, just_after, just_before, read

ONRECORD = (*WITH_US, sys.executable, "-c", "from controller.cli import main; main()")
PATIENCE = 60.0
"""Seconds to wait for what takes one or two, on a machine that does other things too."""

Card = Callable[[], SoundCard]


@pytest.fixture(scope="module")
def _programs() -> None:
    try:
        sound_card.ensure()
    except LabNotSetUp as trouble:
        pytest.skip(f"no virtual sound card: {trouble}")
    pytest.importorskip("sounddevice", reason="the extra 'desk' is not installed", exc_type=ImportError)


@pytest.fixture(scope="module")
def card(_programs: None) -> Iterator[SoundCard]:
    with sound_card.sound_card() as running:
        yield running


@pytest.fixture
def own_card(_programs: None) -> Iterator[SoundCard]:
    """One that may be unplugged."""
    with sound_card.sound_card() as running:
        yield running


class Listener:
    """A running `onrecord listen --json`: what it says, as it says it."""

    def __init__(self, card: SoundCard, *words: str | Path, device: str = INPUT) -> None:
        command = [*ONRECORD, "listen", "--json", "--device", device, *map(str, words)]
        self.process = subprocess.Popen(  # noqa: S603
            command, env=card.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.said: list[dict[str, Any]] = []
        self._rest = b""
        self.until("listening")

    def until(self, event: str, count: int = 1) -> dict[str, Any]:
        """The last of so many events of this kind, awaited."""
        deadline = time.monotonic() + PATIENCE
        while len(found := [one for one in self.said if one["event"] == event]) < count:
            left = deadline - time.monotonic()
            assert left > 0, f"no {count} {event} in {self.said}"
            self._hear(left)
        return found[count - 1]

    def _hear(self, wait: float) -> None:
        assert self.process.stdout
        if select.select([self.process.stdout], [], [], wait)[0]:
            data = os.read(self.process.stdout.fileno(), 65536)
            *lines, self._rest = (self._rest + data).split(b"\n")
            self.said += [json.loads(line) for line in lines]
            assert data, f"it ended: {self.end()} after {self.said}"

    def end(self, how: signal.Signals | None = None) -> tuple[int, str]:
        """Tell it to end so; its exit code, and what it complained of."""
        if how:
            self.process.send_signal(how)
        out, err = self.process.communicate(timeout=PATIENCE)
        lines = (self._rest + out).splitlines()
        self.said += [json.loads(line) for line in lines]
        return self.process.returncode, err.decode()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *what: object) -> None:
        self.process.kill()
        self.process.communicate()


def onrecord(card: SoundCard, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*ONRECORD, *map(str, words)]
    return subprocess.run(  # noqa: S603
        command, env=card.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def play(card: SoundCard, sound: Samples, folder: Path, rate: int = RATE) -> dict[str, Any]:
    """Play (n,) or (n, channels) to the end; what it said of it."""
    soundfile.write(folder / "played.wav", sound, rate)
    done = onrecord(card, "listen", "--json", "--play", folder / "played.wav")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def found_in(file: Samples, sent: Samples) -> int:
    """Where in `sent` the file is, sample for sample. Fails where it is nowhere."""
    piece = file[len(file) // 2 : len(file) // 2 + 400]
    assert piece.any()
    wave = piece.astype(float)
    places = np.flatnonzero(np.correlate(sent.astype(float), wave) > 0.99 * float(wave @ wave))
    for place in places:
        start = int(place) - len(file) // 2
        if start >= 0 and np.array_equal(sent[start : start + len(file)], file):
            return start
    raise AssertionError("the file is no stretch of what was played")


def test_digits_played_into_the_card_are_heard_with_length_level_and_distance(
    card: SoundCard, tmp_path: Path
) -> None:
    line = Line().silence(0.3)
    starts = []
    for key in "159D*0#":
        starts.append(line.type(key)[0])
        line.silence(0.1 + 0.05 * len(starts))
    with Listener(card) as listener:
        assert play(card, line.samples, tmp_path)["underruns"] == 0
        listener.until("digit", 7)
        code, _ = listener.end(signal.SIGINT)
    digits = [one for one in listener.said if one["event"] == "digit"]
    assert code == 0
    assert "".join(one["digit"] for one in digits) == "159D*0#"
    for one, start in zip(digits, starts, strict=True):
        assert one["at"] - digits[0]["at"] == pytest.approx(start - starts[0], abs=EDGE)
        assert one["length"] == pytest.approx(0.08, abs=EDGE)
        assert one["low_dbm0"] == pytest.approx(-10, abs=0.5)
    assert listener.said[-1] == {"event": "end", "heard": listener.said[-1]["heard"], "overruns": 0, "lost": 0.0}


def test_codes_on_the_line_make_a_file_of_exactly_what_was_said_between_them(card: SoundCard, tmp_path: Path) -> None:
    line = Line(1).silence(0.2).talk(0.4).silence(0.1)
    _, begins = line.type("*1")
    line.silence(0.05).talk(2.0).silence(0.05)
    ends, _ = line.type("*2")
    line.silence(0.1).talk(0.4).silence(0.3)
    with Listener(card, "--record", tmp_path / "takes") as listener:
        play(card, line.samples, tmp_path)
        done = listener.until("recording", 2)
        listener.end(signal.SIGTERM)
    file = read(Path(done["file"]))[0]
    start = found_in(file, line.samples)
    assert start / RATE == just_after(begins)
    assert (start + len(file)) / RATE == just_before(ends)
    story = json.loads(Path(done["file"]).with_suffix(".json").read_text())
    assert story["seconds"] == pytest.approx(len(file) / RATE, abs=0.001)
    assert [(mark["state"], mark["asked"]) for mark in story["marks"]] == [("on", "record"), ("off", "stop")]
    assert (story["overruns"], story["lost_seconds"]) == (0, 0.0)


def test_a_pause_leaves_silence_of_its_length_between_sound_that_is_untouched(
    card: SoundCard, tmp_path: Path
) -> None:
    line = Line(2).silence(0.3)
    line.type("*5")
    line.silence(0.05).talk(0.8).silence(0.05)
    quiet, _ = line.type("*3")
    line.silence(0.05).talk(0.7).silence(0.05)
    _, loud = line.type("*4")
    line.silence(0.05).talk(0.9).silence(0.05)
    line.type("*5")
    line.silence(0.3)
    with Listener(card, "--record", tmp_path / "takes") as listener:
        play(card, line.samples, tmp_path)
        done = listener.until("recording", 4)
        listener.end(signal.SIGTERM)
    file = read(Path(done["file"]))[0]
    heard = file.astype(bool)
    # Where the pause is, as the file has it: the longest run without sound.
    edges = np.flatnonzero(np.diff(np.concatenate([[True], heard, [True]]).astype(int)))
    first, last = max(zip(edges[::2], edges[1::2], strict=True), key=lambda run: run[1] - run[0])
    assert (last - first) / RATE == pytest.approx(loud - quiet + 0.1, abs=0.002)  # 50 ms of silence on each side
    before, after = file[800:first], file[last:-800]
    where = found_in(before, line.samples)
    assert found_in(after, line.samples) - where == last - 800  # nothing was lost or added in between


def test_only_the_channel_that_may_commands_and_the_file_keeps_the_sides_apart(
    card: SoundCard, tmp_path: Path
) -> None:
    ours, theirs = Line(3).silence(0.2), Line(4).silence(0.25)
    theirs.type("*1")
    theirs.talk(0.3)
    ours.silence(1.2)
    _, begins = ours.type("*1")
    ours.silence(0.05).talk(1.5).silence(0.05)
    theirs.silence(begins + 0.1 - theirs.now).talk(0.3).silence(0.05)
    theirs.type("*2")
    theirs.silence(0.05).talk(0.3)
    ends, _ = ours.type("*2")
    both = np.zeros((max(len(ours.samples), len(theirs.samples)) + 2400, 2), np.int16)
    both[: len(ours.samples), 0], both[: len(theirs.samples), 1] = ours.samples, theirs.samples
    with Listener(card, "--channels", "2", "--record", tmp_path / "takes") as listener:
        play(card, both, tmp_path)
        done = listener.until("recording", 2)
        listener.until("digit", 8)
        listener.end(signal.SIGTERM)
    assert [one["channel"] for one in listener.said if one["event"] == "code"] == [1, 1]
    left, right = read(Path(done["file"]))
    start = found_in(left, both[:, 0])
    assert np.array_equal(right, both[start : start + len(right), 1])
    assert len(left) / RATE == pytest.approx(ends - begins - 2 * EDGE, abs=2 * EDGE)


def test_masked_digits_command_and_are_told_nowhere(card: SoundCard, tmp_path: Path) -> None:
    line = Line(5).silence(0.3)
    line.type("*1")
    line.silence(0.3).type("4*2")
    line.silence(0.3)
    with Listener(card, "--mask", "--record", tmp_path / "takes") as listener:
        play(card, line.samples, tmp_path)
        listener.until("recording", 2)
        listener.end(signal.SIGTERM)
    assert {one["digit"] for one in listener.said if one["event"] == "digit"} == {"•"}
    assert "*" not in json.dumps(listener.said)


def test_codes_of_ones_own_take_the_place_of_the_usual_ones(card: SoundCard, tmp_path: Path) -> None:
    line = Line(6).silence(0.3)
    line.type("*1")
    line.silence(0.3).type("#9")
    line.silence(0.3)
    with Listener(card, "--code", "#9=toggle", "--record", tmp_path / "takes") as listener:
        play(card, line.samples, tmp_path)
        listener.until("recording")
        listener.end(signal.SIGTERM)
    assert [one["asks"] for one in listener.said if one["event"] == "code"] == ["toggle"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_recording_is_closed_when_the_listener_is_told_to_stop(
    how: signal.Signals, card: SoundCard, tmp_path: Path
) -> None:
    with started(card, tmp_path) as listener:
        code, _ = listener.end(how)
    last = listener.said[-2]
    assert (code, last["event"], last["after"]) == (0, "recording", "off")
    assert last["length"] > 0.5
    assert Path(last["file"]).with_suffix(".json").exists()


def test_a_listener_that_is_killed_leaves_a_whole_file(card: SoundCard, tmp_path: Path) -> None:
    with started(card, tmp_path) as listener:
        assert listener.end(signal.SIGKILL)[0] == -signal.SIGKILL
    [path] = (tmp_path / "takes").glob("*.wav")
    file = read(path)[0]
    assert path.stat().st_size == 44 + 2 * len(file)
    assert len(file) > 0.5 * RATE


def started(card: SoundCard, folder: Path) -> Listener:
    """A listener that has been recording for a while."""
    line = Line(7).silence(0.3)
    line.type("*1")
    line.talk(1.0).silence(0.2)
    listener = Listener(card, "--record", folder / "takes")
    play(card, line.samples, folder)
    listener.until("recording")
    return listener


def test_a_card_that_is_unplugged_ends_it_with_a_reason_and_a_closed_file(
    own_card: SoundCard, tmp_path: Path
) -> None:
    with started(own_card, tmp_path) as listener:
        own_card.unplug()
        code, complaint = listener.end()
    assert code == 3
    assert INPUT in complaint
    assert [one["after"] for one in listener.said if one["event"] == "recording"] == ["on", "off"]
    [path] = (tmp_path / "takes").glob("*.wav")
    assert len(read(path)[0]) > 0.5 * RATE


@pytest.mark.parametrize(("rate", "channels"), [(44100, 1), (48000, 2), (8000, 2)])
def test_files_of_any_rate_are_played_in_their_own_time(
    rate: int, channels: int, card: SoundCard, tmp_path: Path
) -> None:
    line = Line().silence(0.3)
    first, _ = line.type("12")
    line.silence(1.0)
    last, _ = line.type("3")
    line.silence(0.4)
    at = np.arange(round(line.now * rate)) / rate
    sound = np.interp(at * RATE, np.arange(len(line.samples)), line.samples).astype(np.int16)
    with Listener(card) as listener:
        said = play(card, np.repeat(sound[:, None], channels, axis=1), tmp_path, rate)
        listener.until("digit", 3)
        listener.end(signal.SIGTERM)
    digits = [one for one in listener.said if one["event"] == "digit"]
    assert "".join(one["digit"] for one in digits) == "123"
    assert digits[2]["at"] - digits[0]["at"] == pytest.approx(last - first, abs=2 * EDGE)
    assert said["played"] == said["seconds"] == pytest.approx(line.now, abs=0.001)


def test_the_very_end_of_a_file_is_heard(card: SoundCard, tmp_path: Path) -> None:
    line = Line().silence(0.5)
    line.type("69")
    with Listener(card) as listener:
        play(card, line.samples, tmp_path)
        assert listener.until("digit", 2)["digit"] == "9"
        listener.end(signal.SIGTERM)


SLOW = """
import json, sys, time
from hardware import audio
from hardware.dtmf.tones import Detector
card = audio.choose("line", audio.devices())
detector, found, heard, rested = Detector(), [], 0, False
rates, patience, nap = json.loads(sys.argv[1])
with audio.Capture(card, 1, tuple(rates), patience) as capture:
    while not found or heard < 8000 * nap:
        samples = capture.read()
        if not rested:
            print("napping", flush=True)
            time.sleep(nap)
        rested = True
        heard += samples.shape[1]
        found += detector.feed(samples)
    print(json.dumps([capture.rate, capture.overruns, capture.lost, found[-1].key, found[-1].start, heard / 8000]))
"""


class Reader:
    """A capture whose reader sleeps `nap` seconds after the first piece."""

    def __init__(self, card: SoundCard, rates: list[int], patience: float, nap: float) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [*WITH_US, sys.executable, "-c", SLOW, json.dumps([rates, patience, nap])],
            env={**card.environment, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "napping\n"
        self.began = time.monotonic()

    def result(self) -> Any:
        """Rate, overruns, seconds lost, the digit, its start, seconds heard."""
        return json.loads(self.process.communicate(timeout=PATIENCE)[0])

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *what: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_a_reader_too_slow_is_counted_and_silence_keeps_the_place_of_what_was_lost(
    card: SoundCard, tmp_path: Path
) -> None:
    line = Line().silence(0.2)
    line.type("7")
    line.silence(0.4)
    with Reader(card, [8000], patience=0.5, nap=3.0) as reader:
        time.sleep(3.5)
        said = time.monotonic() - reader.began
        play(card, line.samples, tmp_path)
        done = time.monotonic() - reader.began
        rate, overruns, lost, key, start, heard = reader.result()
    assert (rate, key) == (8000, "7")
    assert overruns >= 1
    assert 1.5 < lost < 3.0
    # Were the silence not there, the digit would stand `lost` seconds too early.
    assert said < start < done
    assert heard > start


def test_a_card_that_knows_only_other_rates_is_heard_too(card: SoundCard, tmp_path: Path) -> None:
    line = Line().silence(0.3)
    line.type("8")
    line.silence(0.4)
    for rate in (44100, 48000):
        with Reader(card, [rate], patience=10.0, nap=0.0) as reader:
            play(card, line.samples, tmp_path)
            heard = reader.result()
        assert (heard[0], heard[3]) == (rate, "8")


def test_the_devices_are_listed_and_a_wrong_name_is_answered_with_them(card: SoundCard) -> None:
    done = onrecord(card, "listen", "--devices", "--json")
    names = {one["name"]: one for one in json.loads(done.stdout)}
    assert names[INPUT]["inputs"] > 0
    assert INPUT in onrecord(card, "listen", "--devices").stdout
    wrong = onrecord(card, "listen", "--device", "gramophone")
    assert wrong.returncode == 2
    assert INPUT in wrong.stderr
    assert wrong.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--code", "*1"], "record, stop, toggle"),
        (["--code", "12=record"], "put \\* or #"),
        (["--code", "*1=record", "--code", "*12=stop"], "is a part of"),
        (["--commands-from", "2"], "--channels"),
        (["--channels", "0"], ""),
    ],
)
def test_wrong_use_is_said_before_the_card_is_touched(words: list[str], says: str, card: SoundCard) -> None:
    done = onrecord(card, "listen", *words)
    assert done.returncode == 2
    assert re.search(says, done.stderr)


def test_what_cannot_be_played_is_named(card: SoundCard, tmp_path: Path) -> None:
    (tmp_path / "junk.wav").write_bytes(b"nothing to hear" * 9)
    for name in ("junk.wav", "gone.wav"):
        done = onrecord(card, "listen", "--play", tmp_path / name)
        assert done.returncode == 1
        assert name in done.stderr
        assert "Traceback" not in done.stderr


WITHOUT = "import sys; sys.modules[{!r}] = None; from controller.cli import main; main(sys.argv[1:])"


def test_without_its_package_listening_says_what_to_install_and_the_rest_works(tmp_path: Path) -> None:
    line = Line().silence(0.1)
    line.type("5")
    soundfile.write(tmp_path / "five.wav", line.silence(0.1).samples, RATE)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", WITHOUT.format("sounddevice"), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603

    done = run("listen")
    assert done.returncode == 3
    assert "onrecord[desk]" in done.stderr
    assert json.loads(run("dtmf", "--json", str(tmp_path / "five.wav")).stdout)[0]["dialled"] == ["5"]


def watched(card: SoundCard, *words: str | Path, until: str) -> str:
    """What a terminal shows until this pattern comes; then Ctrl-C."""
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe(sys.executable, [*ONRECORD[-3:], *map(str, words)], {**card.environment, "TERM": "xterm"})  # noqa: S606
    seen, deadline = b"", time.monotonic() + PATIENCE
    try:
        while not re.search(until, plain(seen), re.DOTALL):
            assert time.monotonic() < deadline, plain(seen)[-2000:]
            if select.select([terminal], [], [], 1.0)[0]:
                seen += os.read(terminal, 65536)
        os.write(terminal, b"\x03")
        while select.select([terminal], [], [], PATIENCE)[0]:
            seen += os.read(terminal, 65536)
    except OSError:  # EIO: it has ended, and closed its side
        pass
    finally:
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        os.close(terminal)
    assert status in (0, signal.SIGKILL)
    return plain(seen)


def plain(shown: bytes) -> str:
    """Without colours and movements of the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode(errors="replace"))


def test_the_terminal_shows_level_state_and_digits_while_the_line_talks(card: SoundCard, tmp_path: Path) -> None:
    line = Line(8).silence(3.0)
    line.type("*1")
    line.talk(6.0).silence(0.2)
    soundfile.write(tmp_path / "talk.wav", line.samples, RATE)
    command = [*ONRECORD, "listen", "--play", str(tmp_path / "talk.wav")]
    with subprocess.Popen(command, env=card.environment, stdout=subprocess.DEVNULL) as speaker:  # noqa: S603
        shown = watched(
            card, "listen", "--device", INPUT, "--record", tmp_path / "takes", until=r"recording 0:00:0[1-5].*█{10}"
        )
        speaker.kill()
    assert "not recording" in shown
    assert "recording ended" in shown
    assert re.search(r"█+.* -2[0-9]\.\d dB", shown)
    assert "*1" in shown


def test_playback_shows_where_it_is_and_how_loud(card: SoundCard, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "talk.wav", Line(9).talk(4.0).samples, RATE)
    shown = watched(card, "listen", "--play", tmp_path / "talk.wav", until=r"━{5,30}─+ 0:00:0[12]\.\d of 0:00:04\.0")
    assert re.search(r"█{10,}.* -2[0-9]\.\d dB", shown)
    assert re.search(r"played 0:00:0[1-3]\.\d of 0:00:04\.0", shown)


def test_what_was_recorded_can_be_listened_to_for_its_digits_again(card: SoundCard, tmp_path: Path) -> None:
    line = Line(10).silence(0.3)
    line.type("*1")
    line.silence(0.3).type("2468")
    line.silence(0.3).type("*2")
    line.silence(0.3)
    with Listener(card, "--record", tmp_path / "takes") as listener:
        play(card, line.samples, tmp_path)
        done = listener.until("recording", 2)
        listener.end(signal.SIGTERM)
    with SoundFile(Path(done["file"])) as file:
        assert (file.rate, file.channels) == (RATE, 1)
    again = onrecord(card, "dtmf", "--json", done["file"])
    assert json.loads(again.stdout)[0]["dialled"] == ["2468"]
