"""Codes in a stream of digits: which are found, which cannot be configured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import sequences
from hardware.keys import Key
from hardware.sequences import DIGITS, NOTHING_TYPED, CodeBook, CodeError

USUAL = sequences.book({"*1": Key.RECORD, "*2": Key.PAUSE, "*3": Key.RESUME, "*44": Key.TOGGLE, "#0#": Key.STOP})


def typed(codes: CodeBook, digits: str, gap: float = 0.2) -> list[Key]:
    """The keys found in digits that come `gap` seconds apart."""
    state, found = NOTHING_TYPED, []
    for place, digit in enumerate(digits):
        state, key = sequences.feed(codes, state, digit, 1_000.0 + place * gap)
        found += [key] if key else []
    return found


@pytest.mark.parametrize(
    ("digits", "keys"),
    [
        ("*1", [Key.RECORD]),
        ("*44", [Key.TOGGLE]),
        ("#0#", [Key.STOP]),
        ("*1*1", [Key.RECORD, Key.RECORD]),
        ("0301234567*1", [Key.RECORD]),
        ("**1", [Key.RECORD]),
        ("*4*1", [Key.RECORD]),
        ("*4*44", [Key.TOGGLE]),
        ("#0#0#", [Key.STOP]),
        ("##0#", [Key.STOP]),
        ("*4", []),
        ("1*", []),
        ("*5", []),
        ("0123456789", []),
        ("*!1", []),
    ],
)
def test_codes_are_found_wherever_they_stand(digits: str, keys: list[Key]) -> None:
    assert typed(USUAL, digits) == keys


def test_a_code_typed_slower_than_the_pause_is_none() -> None:
    assert typed(USUAL, "*1", gap=2.0) == [Key.RECORD]
    assert typed(USUAL, "*1", gap=2.01) == []


def test_after_a_pause_that_was_too_long_the_code_can_be_typed_again() -> None:
    state, _ = sequences.feed(USUAL, NOTHING_TYPED, "*", 0.0)
    state, late = sequences.feed(USUAL, state, "*", 5.0)
    assert late is None
    assert sequences.feed(USUAL, state, "1", 5.2)[1] is Key.RECORD


@pytest.mark.parametrize("gap", [0.0, 0.001, 0.045])
def test_digits_faster_than_any_finger_are_all_read(gap: float) -> None:
    assert typed(USUAL, "*1*2*3*44#0#" * 20, gap) == [Key.RECORD, Key.PAUSE, Key.RESUME, Key.TOGGLE, Key.STOP] * 20


def test_a_clock_that_is_set_back_between_two_digits_breaks_no_code() -> None:
    assert typed(USUAL, "*1", gap=-3600) == [Key.RECORD]


def test_when_two_codes_end_with_the_same_digit_the_longer_wins() -> None:
    codes = sequences.book({"*1": Key.RECORD, "9*1": Key.STOP})
    assert typed(codes, "9*1") == [Key.STOP]
    assert typed(codes, "8*1") == [Key.RECORD]


def test_letters_are_read_in_either_case() -> None:
    assert typed(sequences.book({"A": Key.RECORD, "B": Key.STOP}), "aB") == [Key.RECORD, Key.STOP]


@pytest.mark.parametrize(("short", "long"), [("*1", "*12"), ("*", "*1"), ("*1", "5*12"), ("#", "*#*")])
def test_a_code_that_is_a_part_of_another_is_refused_with_both_named(short: str, long: str) -> None:
    with pytest.raises(CodeError, match=r"company acme: .* is a part of ") as refused:
        sequences.book({long: Key.STOP, short: Key.RECORD}, "company acme")
    assert repr(short) in str(refused.value)
    assert repr(long) in str(refused.value)


@pytest.mark.parametrize("digits", ["", "*123456789", "*1 ", "*x", "*\uff11"])
def test_what_no_keypad_can_type_is_refused(digits: str) -> None:
    with pytest.raises(CodeError, match="is no code"):
        sequences.book({digits: Key.RECORD})


@pytest.mark.parametrize("digits", ["1", "44", "12345678"])
def test_a_code_that_any_number_may_contain_is_refused(digits: str) -> None:
    with pytest.raises(CodeError, match=r"put \* or # into it"):
        sequences.book({digits: Key.RECORD})


@pytest.mark.parametrize("pause", [0.0, -1.0, 60.0, float("nan")])
def test_a_pause_that_makes_no_sense_is_refused(pause: float) -> None:
    with pytest.raises(CodeError, match="choose"):
        sequences.book({"*1": Key.RECORD}, pause=pause)


@given(st.text(alphabet=DIGITS + "!x", max_size=60))
def test_typed_in_one_go_exactly_the_codes_that_a_search_finds_are_found(digits: str) -> None:
    """Against a plain search: at every digit the longest code that ends there and begins behind the last found."""
    expected, begin = [], 0
    for end in range(1, len(digits) + 1):
        if digits[end - 1] not in DIGITS:
            begin = end
        ending = [code for code in USUAL.codes if digits[begin:end].endswith(code.digits)]
        if ending:
            expected.append(max(ending, key=lambda code: len(code.digits)).key)
            begin = end
    assert typed(USUAL, digits, gap=0.01) == expected


@given(st.lists(st.tuples(st.text(max_size=3), st.floats(allow_nan=False)), max_size=50))
def test_whatever_is_fed_little_is_kept(events: list[tuple[str, float]]) -> None:
    state = NOTHING_TYPED
    for digit, at in events:
        state, _ = sequences.feed(USUAL, state, digit, at)
        assert len(state.digits) < USUAL.longest
