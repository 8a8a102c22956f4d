"""Numbers: their spellings, the patterns people write, and lists of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.numbers import (
    MOST_REMEMBERED,
    BadPattern,
    NumberList,
    NumberPlan,
    Way,
    clean,
    examples,
    pattern,
)

BRITISH = NumberPlan("44", "00", "0", frozenset({7, 9, 10}), outside_prefix="9")
AMERICAN = NumberPlan("1", "011", "1", frozenset({10}), prefix_optional=True)
NOWHERE = NumberPlan()


def matches(text: str, number: str, plan: NumberPlan = NOWHERE) -> bool:
    return pattern(text, plan).matches(plan.spellings(number))


@pytest.mark.proves("I-17")
@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("7200", "7200", True),
        ("7200", "72001", False),
        ("7200", "720", False),
        ("72.", "720", True),
        ("72.", "729", True),
        ("72.", "73", False),
        ("72.", "730", False),
        ("72.", "72", False),
        ("72.", "7200", False),
        ("72!", "72", True),
        ("72!", "7212345", True),
        ("72!", "712", False),
        ("..", "10", True),
        ("..", "100", False),
        ("1.3", "123", True),
        ("1.3", "124", False),
        (".!", "5", True),
        (".!", "555", True),
        ("100-199", "150", True),
        ("100-199", "200", False),
        ("100-199", "1500", False),
        ("*80!", "*80100", True),
        ("*80!", "80100", False),
        ("020\u00a0555 0123", "0205550123", True),
        ("(020) 555/0123", "020-555.0123", True),
        ("+44205550123", "0044205550123", True),
        ("0044205550123", "+44205550123", True),
    ],
)
def test_a_pattern_matches_what_it_says(text: str, number: str, expected: bool) -> None:
    assert matches(text, number) is expected


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("0205550123", "+44205550123", True),
        ("+44205550123", "0205550123", True),
        ("+44205550123", "0044205550123", True),
        ("0044205550123", "0205550123", True),
        ("0205550123", "+44 (0)20 555 0123", True),
        ("0205!", "+44205550123", True),
        ("+44!", "0205550123", True),
        ("+44!", "0033123456789", False),
        ("00!", "+33123456789", True),
        ("00!", "+44205550123", False),
        ("116123", "+44116123", True),
        ("116123", "116123", True),
        ("100", "100", True),
        ("100", "+44100", True),
        ("0205550123", "205550123", False),
    ],
)
def test_a_home_number_is_the_same_however_it_is_written(text: str, number: str, expected: bool) -> None:
    assert matches(text, number, BRITISH) is expected


@pytest.mark.parametrize("number", ["2025550123", "12025550123", "+12025550123", "01112025550123"])
@pytest.mark.parametrize("text", ["2025550123", "12025550123", "+12025550123", "202!", "1202!", "+1202......."])
def test_in_north_america_the_one_may_be_left_out(text: str, number: str) -> None:
    assert matches(text, number, AMERICAN)


def test_one_number_has_one_name() -> None:
    names = {BRITISH.canonical(text) for text in ("0205550123", "+44205550123", "0044 205550123", "+44(0)205550123")}
    assert names == {"+44205550123"}
    assert BRITISH.canonical("100") == "100"
    assert BRITISH.canonical("reception") == "reception"


def test_a_dialled_number_is_known_with_and_without_the_prefix_for_outside() -> None:
    numbers = NumberList((pattern("0205550123", BRITISH),), BRITISH)
    assert numbers.find("90205550123", dialled=True)
    assert numbers.find("0205550123", dialled=True)
    assert numbers.find("90205550123") is None


@pytest.mark.parametrize(
    ("text", "clue"),
    [
        ("", "empty"),
        ("+", "empty"),
        ("12a", "is no number pattern"),
        ("1!2", "at the end"),
        ("!!", "at the end"),
        ("1+2", "may come first"),
        ("100-99", "equally long"),
        ("199-100", "backwards; write 100-199"),
        ("020-555-0123", "without hyphens"),
        ("1..9-2", "hyphen"),
        ("\u0661\u0662", "is no number pattern"),
        ("1\n2", "is no number pattern"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused_with_what_would_be_right(text: str, clue: str) -> None:
    with pytest.raises(BadPattern, match=re.escape(clue)):
        pattern(text)


@pytest.mark.proves("I-17")
def test_the_pattern_is_the_authority_and_examples_show_it() -> None:
    assert examples(pattern("72.")) == ("720", "721", "729")
    assert examples(pattern("72!")) == ("72", "720", "7212345")
    assert examples(pattern("100-199")) == ("100", "199")
    assert examples(pattern("0800 1111")) == ("08001111",)


PATTERNS = st.from_regex(r"\+?[0-9.*#]{1,8}!?", fullmatch=True) | st.builds(
    lambda low, high: f"{min(low, high)}-{max(low, high)}", st.integers(1000, 9999), st.integers(1000, 9999)
)


@given(PATTERNS)
def test_every_example_of_a_pattern_matches_it(text: str) -> None:
    one = pattern(text)
    shown = examples(one)
    assert shown
    assert all(one.matches((number,)) for number in shown)


@given(st.from_regex(r"[0-9.]{1,8}!?", fullmatch=True), st.from_regex(r"[0-9]{0,12}", fullmatch=True))
def test_a_pattern_matches_exactly_the_numbers_that_fit_it_digit_by_digit(text: str, number: str) -> None:
    fixed = text.removesuffix("!")
    long_enough = len(number) >= len(fixed) if text.endswith("!") else len(number) == len(fixed)
    fits = long_enough and all(want in (".", digit) for want, digit in zip(fixed, number, strict=False))
    assert pattern(text).matches((number,)) is fits


@given(st.text(max_size=200))
def test_no_number_from_a_phone_upsets_the_plan(number: str) -> None:
    for plan in (NOWHERE, BRITISH, AMERICAN):
        spellings = plan.dialled(number)
        assert all(set(one) <= set("+0123456789*#") for one in spellings)
        assert plan.canonical(plan.canonical(number)) == plan.canonical(number)
        assert clean(clean(number)) == clean(number)


@given(st.text(alphabet="0123456789+.!*#- ()/", max_size=30))
def test_any_text_is_a_pattern_or_a_clear_refusal(text: str) -> None:
    try:
        shown = examples(pattern(text, BRITISH))
    except BadPattern as error:
        shown = (str(error),)
    assert shown
    assert all(shown)


def test_what_is_remembered_of_numbers_has_a_limit() -> None:
    plan = NumberPlan()
    for number in range(MOST_REMEMBERED + 10):
        plan.spellings(str(number))
    assert len(plan._known) <= MOST_REMEMBERED


@pytest.mark.proves("I-17")
def test_a_direction_limits_a_pattern_and_none_means_either() -> None:
    to = NumberList((pattern("72.", way=Way.TO),))
    either = NumberList((pattern("72."),))
    assert to.find("725", Way.TO)
    assert to.find("725", Way.FROM) is None
    assert either.find("725", Way.TO)
    assert either.find("725", Way.FROM)


def test_a_number_may_be_listed_twice_with_different_directions() -> None:
    both = NumberList((pattern("725", way=Way.TO), pattern("725", way=Way.FROM)))
    assert both.find("725", Way.FROM)
    assert both.find("725", Way.TO)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("sip:+44205550123@carrier.example;user=phone", "+44205550123"),
        ("tel:020-555", "020555"),
        ("0205550123@carrier1", "0205550123"),
        ("../../etc/passwd", ""),
        ("1\r\nAction: Originate2", "12"),
        ("9" * 1000, "9" * 64),
    ],
)
def test_only_what_can_be_dialled_is_left_of_a_number(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
