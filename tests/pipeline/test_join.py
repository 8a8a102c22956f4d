"""Segments become one file: sides, gaps, pauses, and what happens when something is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.commands import Side
from controller.core.decision import Options, PauseForm
from controller.core.finished import AnchorIs
from controller.core.recording import Mark
from controller.pipeline.measure import Condition
from controller.pipeline.timeline import SLACK_SECONDS
from tests.pipeline.joining import joined, measured
from tests.pipeline.recordings import BEGAN, RATE, Samples, conversation, leave, mix, quiet, tone

START = BEGAN + 2
CUT = Options(pause_form=PauseForm.CUT)


def with_silence(samples: Samples, *spans: tuple[float, float]) -> Samples:
    """As a muted recorder leaves it."""
    found = samples.copy()
    for begin, end in spans:
        found[round(begin * RATE) : round(end * RATE)] = 0
    return found


def pauses(*spans: tuple[float, float], segment: int = 1, late: float = 0.0) -> tuple[Mark, ...]:
    """Marks of pauses, confirmed `late` seconds behind what the recorder did."""
    return tuple(
        Mark(kind, START + at + late, segment)
        for span in spans
        for kind, at in zip(("pause", "resume"), span, strict=True)
    )


# -- sides -----------------------------------------------------------------------------------------------------


def test_the_customer_is_left_and_the_house_is_right(tmp_path: Path) -> None:
    customer, house = tone(400, 1), tone(600, 1)
    found, _ = joined(tmp_path, conversation(leave(tmp_path / "m", "main-1-1", 1, customer, house)))
    assert np.array_equal(found[:, 0], customer)
    assert np.array_equal(found[:, 1], house)


def test_the_customer_is_left_too_where_the_recorder_was_on_the_houses_leg(tmp_path: Path) -> None:
    customer, house = tone(400, 1), tone(600, 1)
    segment = leave(tmp_path / "m", "main-1-1", 1, house, customer, anchor_is=AnchorIs.INSIDE)
    found, _ = joined(tmp_path, conversation(segment))
    assert np.array_equal(found[:, 0], customer)
    assert np.array_equal(found[:, 1], house)


def test_a_transfer_that_moves_the_recorder_leaves_the_sides_where_they_are(tmp_path: Path) -> None:
    customer, house = tone(400, 1), tone(600, 1)
    first = leave(tmp_path / "m", "main-1-1", 1, customer, house)
    then = leave(tmp_path / "m", "main-1-1", 2, house, customer, anchor_is=AnchorIs.INSIDE, started_at=START + 1)
    found, _ = joined(tmp_path, conversation(first, then))
    assert np.array_equal(found[:, 0], np.tile(customer, 2))
    assert np.array_equal(found[:, 1], np.tile(house, 2))


def test_a_room_is_mono(tmp_path: Path) -> None:
    one, others = tone(400, 1), tone(600, 1)
    segment = leave(tmp_path / "m", "main-1-1", 1, one, others, anchor_is=AnchorIs.ROOM)
    found, _ = joined(tmp_path, conversation(segment))
    assert found.shape == (RATE, 1)
    assert np.array_equal(found[:, 0], mix(one, others))


def test_a_call_that_went_on_in_a_room_stays_stereo(tmp_path: Path) -> None:
    a, b = tone(400, 1), tone(600, 1)
    first = leave(tmp_path / "m", "main-1-1", 1, a, b)
    room = leave(tmp_path / "m", "main-1-1", 2, a, b, anchor_is=AnchorIs.ROOM, started_at=START + 1)
    found, _ = joined(tmp_path, conversation(first, room))
    assert np.array_equal(found[RATE:, 0], mix(a, b))
    assert np.array_equal(found[RATE:, 1], mix(a, b))


def test_the_better_rate_of_two_segments_is_that_of_the_file(tmp_path: Path) -> None:
    first = leave(tmp_path / "m", "main-1-1", 1, tone(400, 1), tone(600, 1))
    a, b = tone(400, 1, rate=16000), tone(600, 1, rate=16000)
    then = leave(tmp_path / "m", "main-1-1", 2, a, b, rate=16000, started_at=START + 1)
    found, said = joined(tmp_path, conversation(first, then))
    assert said.timeline.rate == 16000
    assert np.array_equal(found[:16000:2, 0], tone(400, 1))
    assert np.array_equal(found[16000:, 0], a)


# -- something is missing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["-r", "-t"])
@pytest.mark.parametrize("how", ["missing", "empty", "header only", "unreadable"])
def test_where_a_side_is_lost_nobodys_words_are(tmp_path: Path, side: str, how: str) -> None:
    a, b = tone(400, 1), tone(600, 1)
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    path = tmp_path / "m" / f"main-1-1.1{side}.wav"
    data = path.read_bytes()
    path.unlink()
    if how != "missing":
        path.write_bytes({"empty": b"", "header only": data[:44], "unreadable": b"\0" * len(data)}[how])
    found, said = joined(tmp_path, conversation(segment))
    assert np.array_equal(found[:, 0], mix(a, b))
    assert np.array_equal(found[:, 1], mix(a, b))
    assert "both channels are the mix" in said.timeline.segments[0].note


def test_where_the_mix_is_lost_the_sides_are_there(tmp_path: Path) -> None:
    a, b = tone(400, 1), tone(600, 1)
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    (tmp_path / "m" / "main-1-1.1.wav").unlink()
    found, said = joined(tmp_path, conversation(segment))
    assert np.array_equal(found, np.stack([a, b], axis=1))
    assert said.timeline.segments[0].note == ""


def test_where_a_rooms_mix_is_lost_it_is_made_again(tmp_path: Path) -> None:
    a, b = tone(400, 1), tone(600, 1)
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b, anchor_is=AnchorIs.ROOM)
    (tmp_path / "m" / "main-1-1.1.wav").unlink()
    found, _ = joined(tmp_path, conversation(segment))
    assert np.array_equal(found[:, 0], mix(a, b))


def test_a_side_alone_is_kept_on_its_side(tmp_path: Path) -> None:
    a, b = tone(400, 1), tone(600, 1)
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    for name in ("main-1-1.1.wav", "main-1-1.1-t.wav"):
        (tmp_path / "m" / name).unlink()
    found, _ = joined(tmp_path, conversation(segment))
    assert np.array_equal(found[:, 0], a)
    assert not found[:, 1].any()


@settings(max_examples=60, deadline=None)
@given(lengths=st.lists(st.integers(0, 6000), min_size=3, max_size=3), closed=st.booleans())
def test_a_killed_pbx_leaves_files_of_any_length_and_none_of_their_sound_is_lost(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], closed: bool
) -> None:
    folder = tmp_path_factory.mktemp("killed")
    a, b = tone(400, 0.75), tone(600, 0.75)
    segment = leave(folder / "m", "main-1-1", 1, a, b, closed=closed)
    whole = {"": mix(a, b), "-r": a, "-t": b}
    for side, length in zip(whole, lengths, strict=True):
        path = folder / "m" / f"main-1-1.1{side}.wav"
        path.write_bytes(path.read_bytes()[: 44 + length * 2])
    if not any(lengths):
        _, nothing = measured(folder, conversation(segment))
        assert not any(raw.condition.sounds for raw in nothing.raws)
        return
    found, _ = joined(folder, conversation(segment))
    mixed, left, right = lengths
    assert len(found) == max(lengths)
    both = min(left, right)
    assert np.array_equal(found[:both], np.stack([a, b], axis=1)[:both])
    if mixed > both:
        assert np.array_equal(found[both:mixed, 0], mix(a, b)[both:mixed])
        assert np.array_equal(found[both:mixed, 1], mix(a, b)[both:mixed])
    tail = max(both, mixed)
    assert np.array_equal(found[tail:left, 0], a[tail:left])
    assert np.array_equal(found[tail:right, 1], b[tail:right])


def test_a_killed_pbxs_file_is_marked_as_repaired(tmp_path: Path) -> None:
    segment = leave(tmp_path / "m", "main-1-1", 1, tone(400, 1), tone(600, 1), closed=False)
    _, found = measured(tmp_path, conversation(segment))
    assert {raw.condition for raw in found.raws} == {Condition.REPAIRED}
    assert {raw.frames for raw in found.raws} == {RATE}


# -- the time between segments ---------------------------------------------------------------------------------


def test_a_segment_stands_where_the_clock_puts_it(tmp_path: Path) -> None:
    a, b = tone(400, 1), tone(600, 1)
    first = leave(tmp_path / "m", "main-1-1", 1, a, b)
    then = leave(tmp_path / "m", "main-1-1", 2, a, b, started_at=START + 3.5)
    found, said = joined(tmp_path, conversation(first, then))
    assert len(found) == round(4.5 * RATE)
    assert not found[RATE : round(3.5 * RATE)].any()
    assert np.array_equal(found[round(3.5 * RATE) :, 0], a)
    assert said.timeline.gaps == ((RATE, round(3.5 * RATE)),)
    assert said.seconds == 2.0


def test_a_file_that_ran_longer_than_the_clock_is_not_written_over(tmp_path: Path) -> None:
    a, b = tone(400, 2), tone(600, 2)
    first = leave(tmp_path / "m", "main-1-1", 1, a, b)
    then = leave(tmp_path / "m", "main-1-1", 2, a, b, started_at=START + 1.2)
    found, said = joined(tmp_path, conversation(first, then))
    assert np.array_equal(found[:, 0], np.tile(a, 2))
    assert said.timeline.gaps == ()


def test_segments_are_in_order_however_they_are_told(tmp_path: Path) -> None:
    first = leave(tmp_path / "m", "main-1-1", 1, tone(400, 1), quiet(1))
    then = leave(tmp_path / "m", "main-1-1", 2, tone(500, 1), quiet(1), started_at=START + 1)
    found, _ = joined(tmp_path, conversation(then, first))
    assert np.array_equal(found[:, 0], np.concatenate([tone(400, 1), tone(500, 1)]))


def test_a_segment_that_left_nothing_is_noted_and_takes_no_room(tmp_path: Path) -> None:
    first = leave(tmp_path / "m", "main-1-1", 1, quiet(0), quiet(0))
    then = leave(tmp_path / "m", "main-1-1", 2, tone(500, 1), quiet(1), started_at=START + 5)
    found, said = joined(tmp_path, conversation(first, then))
    assert len(found) == RATE
    assert said.timeline.segments[0].note == "no sound"


def test_a_clock_that_was_set_does_not_fill_the_disk_with_silence(tmp_path: Path) -> None:
    a, b = tone(400, 1), tone(600, 1)
    first = leave(tmp_path / "m", "main-1-1", 1, a, b)
    then = leave(tmp_path / "m", "main-1-1", 2, a, b, started_at=START + 40 * 86_400)
    last = leave(tmp_path / "m", "main-1-1", 3, a, b, started_at=START + 40 * 86_400 + 3)
    found, said = joined(tmp_path, conversation(first, then, last))
    assert len(found) == 5 * RATE
    assert said.timeline.gaps == ((2 * RATE, 4 * RATE),)
    assert "960 h later" in said.timeline.segments[1].note


# -- pauses ----------------------------------------------------------------------------------------------------


def test_a_pause_as_silence_is_as_long_as_it_was(tmp_path: Path) -> None:
    a, b = (with_silence(tone(f, 10), (3, 5)) for f in (400, 600))
    found, _ = joined(tmp_path, conversation(leave(tmp_path / "m", "main-1-1", 1, a, b), marks=pauses((3, 5))))
    assert np.array_equal(found, np.stack([a, b], axis=1))


@pytest.mark.parametrize("late", [0.0, 0.15, -0.15])
def test_two_pauses_are_cut_out_exactly(tmp_path: Path, late: float) -> None:
    plain = tone(400, 10), tone(600, 10)
    a, b = (with_silence(sound, (2, 3.5), (7, 8)) for sound in plain)
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    found, said = joined(tmp_path, conversation(segment, marks=pauses((2, 3.5), (7, 8), late=late), options=CUT))
    kept = np.concatenate([np.arange(0, 2 * RATE), np.arange(28_000, 7 * RATE), np.arange(8 * RATE, 10 * RATE)])
    # A tone is 0 for a sample here and there: those next to the pause are silence like it.
    assert abs(len(found) - len(kept)) <= 4
    assert said.seconds == pytest.approx(7.5, abs=0.001)
    assert int(np.square(found[:, 0].astype(np.int64)).sum()) == int(np.square(a.astype(np.int64)).sum())
    assert int(np.square(found[:, 1].astype(np.int64)).sum()) == int(np.square(b.astype(np.int64)).sum())
    assert np.array_equal(found[: 2 * RATE - 2], np.stack(plain, axis=1)[: 2 * RATE - 2])
    assert np.array_equal(found[-2 * RATE + 2 :], np.stack(plain, axis=1)[-2 * RATE + 2 :])


@pytest.mark.parametrize("ended", [True, False])
def test_digits_that_somebody_typed_are_silent_and_nothing_moves(tmp_path: Path, ended: bool) -> None:
    a, b = tone(400, 10), tone(600, 10)
    marks = (Mark("blank", START + 4, 1), Mark("unblank", START + 6, 1))[: 2 if ended else 1]
    found, said = joined(tmp_path, conversation(leave(tmp_path / "m", "main-1-1", 1, a, b), marks=marks))
    whole = np.stack([a, b], axis=1)
    begin, until = round((4 - SLACK_SECONDS) * RATE), round((6 + SLACK_SECONDS) * RATE) if ended else 10 * RATE
    assert not found[begin:until].any()
    assert np.array_equal(found[:begin], whole[:begin])
    assert np.array_equal(found[until:], whole[until:])
    assert said.seconds == 10


def test_digits_across_two_segments_are_silent_in_both(tmp_path: Path) -> None:
    first = leave(tmp_path / "m", "main-1-1", 1, tone(400, 2), tone(600, 2))
    second = leave(tmp_path / "m", "main-1-1", 2, tone(400, 2), tone(600, 2), started_at=START + 3)
    marks = (Mark("blank", START + 1.5, 1), Mark("unblank", START + 4, 2))
    found, _ = joined(tmp_path, conversation(first, second, marks=marks))
    assert not found[round(1.3 * RATE) : round(4.2 * RATE)].any()
    assert found[: round(1.3 * RATE)].any()
    assert found[round(4.2 * RATE) :].any()


def test_sound_inside_a_pause_is_never_cut(tmp_path: Path) -> None:
    """The recorder was told late, or did not listen: then there is something in the file, and it stays in it."""
    a, b = with_silence(tone(400, 6), (2.5, 4)), with_silence(tone(600, 6), (2.5, 4))
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    found, _ = joined(tmp_path, conversation(segment, marks=pauses((2, 4)), options=CUT))
    loud = int(np.square(found[:, 0].astype(np.int64)).sum())
    assert loud == int(np.square(a.astype(np.int64)).sum())
    assert len(found) == pytest.approx(4.5 * RATE, abs=4)


def test_where_one_side_talks_through_a_pause_of_both_nothing_is_cut(tmp_path: Path) -> None:
    a, b = with_silence(tone(400, 6), (2, 4)), tone(600, 6)
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    found, _ = joined(tmp_path, conversation(segment, marks=pauses((2, 4)), options=CUT))
    assert np.array_equal(found, np.stack([a, b], axis=1))


def test_a_one_sided_pause_is_never_cut(tmp_path: Path) -> None:
    a, b = with_silence(tone(400, 6), (2, 4)), with_silence(tone(600, 6), (2.5, 3.5))
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    options = replace(CUT, pause_side=Side.ANCHOR)
    found, _ = joined(tmp_path, conversation(segment, marks=pauses((2, 4)), options=options))
    assert np.array_equal(found, np.stack([a, b], axis=1))


def test_silence_outside_of_a_pause_is_not_cut(tmp_path: Path) -> None:
    a, b = (with_silence(tone(f, 10), (1, 2), (5, 6), (8, 9)) for f in (400, 600))
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    found, _ = joined(tmp_path, conversation(segment, marks=pauses((5, 6)), options=CUT))
    assert len(found) == pytest.approx(9 * RATE, abs=4)


def test_of_a_silence_that_began_long_before_the_pause_only_the_pause_is_cut(tmp_path: Path) -> None:
    a, b = (with_silence(tone(f, 10), (1, 6)) for f in (400, 600))
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    found, _ = joined(tmp_path, conversation(segment, marks=pauses((4, 6)), options=CUT))
    assert len(found) == pytest.approx((10 - 2.2) * RATE, abs=4)


def test_a_pause_that_lasted_to_the_end_is_cut_too(tmp_path: Path) -> None:
    a, b = (with_silence(tone(f, 5), (3, 5)) for f in (400, 600))
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    found, _ = joined(tmp_path, conversation(segment, marks=(Mark("pause", START + 3, 1),), options=CUT))
    assert len(found) == pytest.approx(3 * RATE, abs=4)


def test_a_call_that_was_paused_all_the_time_leaves_an_empty_cut_and_no_crash(tmp_path: Path) -> None:
    segment = leave(tmp_path / "m", "main-1-1", 1, quiet(3), quiet(3))
    task, _ = measured(tmp_path, conversation(segment, marks=pauses((0, 3)), options=CUT))
    from controller.pipeline.join import join

    assert join(task).seconds == 0.0


def test_a_long_pause_across_many_blocks_is_one_cut(tmp_path: Path) -> None:
    a, b = (with_silence(tone(f, 200), (30, 170)) for f in (400, 600))
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    found, said = joined(tmp_path, conversation(segment, marks=pauses((30, 170)), options=CUT))
    assert len(said.timeline.segments[0].cuts) == 1
    assert len(found) == pytest.approx(60 * RATE, abs=4)


def test_with_cut_the_time_between_segments_is_left_out(tmp_path: Path) -> None:
    first = leave(tmp_path / "m", "main-1-1", 1, tone(400, 1), tone(600, 1))
    then = leave(tmp_path / "m", "main-1-1", 2, tone(400, 1), tone(600, 1), started_at=START + 5)
    found, _ = joined(tmp_path, conversation(first, then, options=CUT))
    assert len(found) == 2 * RATE


# -- marks -----------------------------------------------------------------------------------------------------


def test_marks_lie_where_they_are_heard(tmp_path: Path) -> None:
    first = leave(tmp_path / "m", "main-1-1", 1, tone(400, 4), tone(600, 4))
    then = leave(tmp_path / "m", "main-1-1", 2, tone(400, 1), tone(600, 1), started_at=START + 6)
    marks = (
        Mark("start", START, 1),
        Mark("key", START + 1.5, 1),
        Mark("stop", START + 4, 1),
        Mark("key", START + 5, 1),
        Mark("start", START + 6, 2),
        Mark("key", START + 99, 2),
        Mark("refused", START - 1, 0),
    )
    _, said = joined(tmp_path, conversation(first, then, marks=marks))
    seconds = [None if at is None else at / RATE for at in said.timeline.offsets]
    assert seconds == [0.0, 1.5, 4.0, 5.0, 6.0, 7.0, None]


def test_marks_behind_a_cut_move_with_the_sound(tmp_path: Path) -> None:
    a, b = (with_silence(tone(f, 10), (2, 5)) for f in (400, 600))
    segment = leave(tmp_path / "m", "main-1-1", 1, a, b)
    marks = (*pauses((2, 5)), Mark("key", START + 7, 1))
    _, said = joined(tmp_path, conversation(segment, marks=marks, options=CUT))
    assert [round((at or 0) / RATE, 2) for at in said.timeline.offsets] == [2.0, 2.0, 4.0]
