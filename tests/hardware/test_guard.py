"""The DTMF guard: when it blanks, from where, when it stops, and that no digit is ever written down."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import guard
from hardware.guard import OPEN, Blank, Guard, Party, Rule, Said, Unblank

RULE = Rule(burst=3, within=5.0, quiet=4.0, margin=0.25)  # times below are chosen to be exact in binary


def play(
    *times: float, party: Party = Party.OUTSIDE, rule: Rule = RULE, state: Guard = OPEN
) -> tuple[Guard, list[Said]]:
    """Digits of one party that end at these times."""
    said: list[Said] = []
    for at in times:
        state, now = guard.feed(state, rule, party, at)
        said += now
    return state, said


def test_a_burst_from_outside_blanks_from_its_first_digit_on() -> None:
    assert play(10.0, 10.25, 10.5)[1] == [Blank(10.5, 9.75)]


def test_the_tone_of_the_first_digit_is_blanked_with_it() -> None:
    state, _ = guard.feed(OPEN, RULE, Party.OUTSIDE, 10.0, length=0.25)
    assert play(10.25, 10.5, state=state)[1] == [Blank(10.5, 9.5)]


def test_two_digits_are_no_burst_and_three_in_a_long_time_are_none() -> None:
    assert play(10.0, 10.25)[1] == []
    assert play(10.0, 14.0, 18.0, 22.0, 26.0)[1] == []


def test_a_party_that_nobody_knows_is_treated_as_outside() -> None:
    assert play(1.0, 1.25, 1.5, party=Party.UNKNOWN)[1] == [Blank(1.5, 0.75)]
    assert not guard.entitled(Party.UNKNOWN)


def test_our_own_people_may_type_as_much_as_they_like() -> None:
    assert play(*(1.0 + n / 10 for n in range(40)), party=Party.INSIDE)[1] == []


def test_the_outside_party_can_never_command() -> None:
    assert [party for party in Party if guard.entitled(party)] == [Party.INSIDE]


def test_after_a_quiet_time_the_audio_comes_back_and_the_whole_span_is_reported() -> None:
    state, _ = play(10.0, 10.25, 10.5, 12.0)
    assert guard.wake_at(state, RULE) == 16.0
    assert guard.tick(state, RULE, 15.9) == (state, [])
    state, said = guard.tick(state, RULE, 16.0)
    assert said == [Unblank(16.0, 9.75, 12.25)]
    assert not state.blanking
    assert guard.wake_at(state, RULE) is None


def test_every_digit_prolongs_the_blank_whoever_types_it() -> None:
    state, _ = play(10.0, 10.25, 10.5)
    state, _ = play(14.0, party=Party.INSIDE, state=state)
    state, said = play(17.0, state=state)
    assert said == []
    assert guard.tick(state, RULE, 21.0)[1] == [Unblank(21.0, 9.75, 17.25)]


def test_a_digit_that_comes_late_is_told_the_end_of_the_blank_first() -> None:
    state, _ = play(10.0, 10.25, 10.5)
    state, said = play(20.0, 20.25, 20.5, state=state)
    assert said == [Unblank(20.0, 9.75, 10.75), Blank(20.5, 19.75)]


def test_a_number_typed_in_groups_is_blanked_from_the_first_digit_of_the_next_group_on() -> None:
    state, _ = play(10.0, 10.25, 10.5, 10.75)
    assert play(15.0, state=state)[1] == [Unblank(15.0, 9.75, 11.0), Blank(15.0, 10.25)]


def test_a_call_that_ends_while_blanked_reports_the_span() -> None:
    state, _ = play(10.0, 10.25, 10.5)
    assert guard.ended(state, RULE, 11.0) == (OPEN, [Unblank(11.0, 9.75, 11.0)])
    assert guard.ended(OPEN, RULE, 11.0) == (OPEN, [])


def test_a_burst_of_one_blanks_at_once() -> None:
    assert play(10.0, rule=Rule(burst=1, margin=0.25))[1] == [Blank(10.0, 9.75)]


@pytest.mark.parametrize("wrong", [{"burst": 0}, {"within": 0.0}, {"quiet": -1.0}, {"margin": -0.1}])
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="DTMF guard"):
        Rule(**wrong)  # type: ignore[arg-type]


EVENTS = st.lists(
    st.tuples(st.sampled_from([*Party, None]), st.floats(-2, 8), st.floats(0, 1)),  # None: only time passes
    max_size=60,
)


@given(EVENTS)
def test_however_it_goes_blanks_and_unblanks_alternate_and_no_burst_is_left_uncovered(
    events: list[tuple[Party | None, float, float]],
) -> None:
    state, at, said, typed = OPEN, 0.0, list[Said](), list[tuple[float, float]]()
    for party, step, length in events:
        at = max(0.0, at + step)
        if party is None:
            state, now = guard.tick(state, RULE, at)
        else:
            state, now = guard.feed(state, RULE, party, at, length)
        if party in (Party.OUTSIDE, Party.UNKNOWN):
            typed.append((at - length, at))
        said += now
        assert len(state.begins) <= RULE.burst
    state, last = guard.ended(state, RULE, at)
    said += last
    assert [type(one) for one in said] == [Blank, Unblank] * (len(said) // 2)
    spans = [(one.since, one.until) for one in said if isinstance(one, Unblank)]
    for first, second, third in zip(typed, typed[1:], typed[2:], strict=False):
        in_order = first[1] <= second[1] <= third[1]
        if in_order and third[1] - min(first[0], second[0], third[0]) <= RULE.within:
            assert any(since <= first[0] and third[1] <= until for since, until in spans)


def test_no_state_of_the_guard_can_show_a_digit() -> None:
    state, said = play(10.0, 10.3, 10.6)
    assert not any("digit" in repr(one).lower() for one in (state, *said))


BODY = "Content-Type: application/dtmf\r\nContent-Length: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Event: DTMFEnd\r\nDigit: 5\r\nDirection: Received", "Event: DTMFEnd\r\nDigit: •\r\nDirection: Received"),
        ('{"digit": "#", "duration_ms": 120}', '{"digit": "•", "duration_ms": 120}'),
        ('{"digit":"5"}', '{"digit":"•"}'),
        ("DTMF-Digit: 7\nDTMF-Duration: 2000", "DTMF-Digit: •\nDTMF-Duration: 2000"),
        ("Signal=5\r\nDuration=160", "Signal=•\r\nDuration=160"),
        ("Signal= 11\r\nDuration= 250", "Signal= •\r\nDuration= 250"),
        ("digits=4111111111111111 from leg 7", "digits=• from leg 7"),
        ("digit=d", "digit=•"),
        (BODY + "5", BODY + "•"),
        ("extension 100 calls 0301234567", "extension 100 calls 0301234567"),
        ("digit: begun", "digit: begun"),
        ("", ""),
    ],
)
def test_digits_are_scrubbed_wherever_a_pbx_or_a_phone_writes_them(text: str, clean: str) -> None:
    assert guard.scrub(text) == clean
    assert guard.scrub(clean) == clean


@given(st.text(alphabet="0123456789*#ABCD", min_size=1, max_size=24))
def test_neither_the_digits_nor_their_number_are_left(digits: str) -> None:
    assert guard.scrub(f"Digits: {digits}\r\n") == "Digits: •\r\n"


@given(st.text(max_size=300))
def test_any_text_is_survived(text: str) -> None:
    guard.scrub(text)


KIND = "content-type: application/dtmf"


@pytest.mark.parametrize("hostile", ["digit:", "digit: ", "digit ", "signal=", f"{KIND} ", f"{KIND}\r\n\r\n "])
def test_a_text_made_to_be_slow_is_scrubbed_fast(hostile: str) -> None:
    began = time.process_time()
    guard.scrub((hostile + " " * 200) * (60_000 // (len(hostile) + 200)))
    guard.scrub(hostile * (60_000 // len(hostile)))
    guard.scrub("digit:" + " " * 60_000)
    assert time.process_time() - began < 0.5
