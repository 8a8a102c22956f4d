"""The picture of a recording, looked at pixel by pixel."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from controller.core.finished import AnchorIs, Finished
from controller.core.plain import to_plain
from controller.core.recording import Mark
from controller.pipeline import picture, png
from controller.pipeline.join import join
from controller.pipeline.picture import EDGE, GAP, LANE, PAUSED, SIDES, TOP, TROUBLE, WIDTH
from controller.pipeline.task import PICTURE_NAME
from tests.pipeline.joining import measured
from tests.pipeline.recordings import BEGAN, conversation, leave, quiet, tone

Pixels = NDArray[np.uint8]
START = BEGAN + 2


def decode(data: bytes) -> Pixels:
    """A PNG as the standard says it, checksums and all; filters 0 and 2 only."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0]
        chunks[kind] = body
        at += 12 + size
    width, height, bits, colours, _, _, interlace = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (bits, colours, interlace) == (8, 2, 0)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + width * 3)
    found = np.zeros((height, width * 3), np.uint8)
    for n, row in enumerate(rows):
        assert row[0] in (0, 2)
        found[n] = row[1:] + (found[n - 1] if row[0] == 2 and n else 0)
    return found.reshape(height, width, 3)


def drawn(tmp_path: Path, finished: Finished) -> Pixels:
    task, _ = measured(tmp_path, finished)
    task = replace(task, done={**task.done, "join": to_plain(join(task))})
    picture.draw(task)
    return decode((task.job.folder / PICTURE_NAME).read_bytes())


def column(second: float, seconds: float) -> int:
    return EDGE + round(second / seconds * (WIDTH - 2 * EDGE))


def height_of(pixels: Pixels, lane: int, x: int, colour: tuple[int, int, int]) -> int:
    return int((pixels[TOP + lane * LANE : TOP + (lane + 1) * LANE, x] == colour).all(axis=1).sum())


def test_each_side_is_drawn_where_it_talks(tmp_path: Path) -> None:
    a = np.concatenate([tone(400, 2), quiet(2)])
    b = np.concatenate([quiet(2), tone(600, 2)])
    pixels = drawn(tmp_path, conversation(leave(tmp_path / "m", "main-1-1", 1, a, b)))
    early, late = column(1.5, 4), column(3.5, 4)
    assert height_of(pixels, 0, early, SIDES[0]) > 20
    assert height_of(pixels, 0, late, SIDES[0]) == 1
    assert height_of(pixels, 1, early, SIDES[1]) == 1
    assert height_of(pixels, 1, late, SIDES[1]) > 20


def test_louder_is_taller(tmp_path: Path) -> None:
    a = np.concatenate([tone(400, 2, level=0.05), tone(400, 2, level=0.8)])
    pixels = drawn(tmp_path, conversation(leave(tmp_path / "m", "main-1-1", 1, a, quiet(4))))
    assert height_of(pixels, 0, column(1, 4), SIDES[0]) < height_of(pixels, 0, column(3, 4), SIDES[0])


def test_a_pause_and_the_time_between_segments_are_shaded(tmp_path: Path) -> None:
    sound = np.concatenate([tone(400, 1), quiet(2), tone(400, 1)])
    first = leave(tmp_path / "m", "main-1-1", 1, sound, sound)
    then = leave(tmp_path / "m", "main-1-1", 2, sound, sound, started_at=START + 6)
    marks = (Mark("pause", START + 1, 1), Mark("resume", START + 3, 1))
    pixels = drawn(tmp_path, conversation(first, then, marks=marks))
    assert (pixels[TOP + 30, column(2, 10)] == PAUSED).all()
    assert (pixels[TOP + 30, column(5, 10)] == GAP).all()
    assert (pixels[TOP + 30, column(8, 10)] == picture.PAPER).all()


def test_what_went_wrong_is_red(tmp_path: Path) -> None:
    segment = leave(tmp_path / "m", "main-1-1", 1, tone(400, 4), tone(600, 4))
    good = drawn(tmp_path / "1", conversation(segment, marks=(Mark("key", START + 2, 1),)))
    segment = leave(tmp_path / "m", "main-1-1", 1, tone(400, 4), tone(600, 4))
    bad = drawn(tmp_path / "2", conversation(segment, marks=(Mark("lost", START + 2, 1),)))
    assert not (good == TROUBLE).all(axis=2).any()
    assert (bad[:, column(2, 4)] == TROUBLE).all(axis=1).any()


def test_a_room_has_one_lane(tmp_path: Path) -> None:
    segment = leave(tmp_path / "m", "main-1-1", 1, tone(400, 1), tone(600, 1), anchor_is=AnchorIs.ROOM)
    assert drawn(tmp_path, conversation(segment)).shape == (TOP + LANE + picture.FOOT, WIDTH, 3)


@pytest.mark.parametrize("samples", [1, 7, 159, 1200])
def test_the_shortest_recording_has_a_picture(tmp_path: Path, samples: int) -> None:
    segment = leave(tmp_path / "m", "main-1-1", 1, tone(400, 1)[:samples], tone(600, 1)[:samples])
    assert drawn(tmp_path, conversation(segment)).shape[1] == WIDTH


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:00"), (65, "1:05"), (3599, "59:59"), (7265, "2:01:05"), (90_000, "25:00:00")]
)
def test_the_clock_counts_hours_only_where_there_are_any(seconds: int, said: str) -> None:
    assert picture.clock(seconds) == said


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_pixels_come_back_from_their_png(width: int, height: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert np.array_equal(decode(png.encode(pixels)), pixels)


@settings(deadline=None)
@given(st.text(max_size=20), st.integers(-50, 60))
def test_any_text_can_be_written_anywhere(text: str, x: int) -> None:
    pixels = np.zeros((10, 60, 3), np.uint8)
    png.write_text(pixels, x, 1, text, (255, 255, 255))
    assert pixels.shape == (10, 60, 3)
