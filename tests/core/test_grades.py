"""Grades, priorities, tie-breaks and grants: who wins where rules of both parties meet (F-016, F-017)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.decision import Grant, Mode
from tests.core.situations import decided, inbound, internal, outbound, queued, talk

START, STOP, PAUSE = Grant.START, Grant.STOP, Grant.PAUSE


def rule(extension: str, grade: str, priority: int = 10, mode: str = "always") -> str:
    says_yes = grade in ("yes", "force", "neutral")
    modes = f'mode = "{mode}"\n' if says_yes else ""
    return (
        f'[[rule]]\nname = "{extension} {grade}"\nextension = "{extension}"\n'
        f'{modes}grade = "{grade}"\npriority = {priority}\n'
    )


def both(caller: str, callee: str, decide: str = "") -> bool:
    """Whether a call from 100 to 101 is recorded, given the grades of both."""
    settings = f"[decide]\n{decide}\n" if decide else ""
    return decided(settings + rule("100", caller) + rule("101", callee), internal()).mode is not Mode.NEVER


@pytest.mark.proves("F-016")
@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("force", "force", True),
        ("force", "yes", True),
        ("force", "neutral", True),
        ("force", "no", True),
        ("force", "never", False),
        ("yes", "yes", True),
        ("yes", "neutral", True),
        ("yes", "no", True),
        ("yes", "never", False),
        ("neutral", "neutral", False),
        ("neutral", "no", False),
        ("neutral", "never", False),
        ("no", "no", False),
        ("no", "never", False),
        ("never", "never", False),
    ],
)
def test_each_pair_of_grades_has_one_outcome_whoever_calls(one: str, other: str, expected: bool) -> None:
    assert both(one, other) is expected
    assert both(other, one) is expected


@pytest.mark.proves("F-017")
@pytest.mark.parametrize(
    ("tie_break", "caller", "callee", "expected"),
    [
        ("record", "yes", "no", True),
        ("record", "no", "yes", True),
        ("skip", "yes", "no", False),
        ("skip", "no", "yes", False),
        ("caller", "yes", "no", True),
        ("caller", "no", "yes", False),
        ("callee", "yes", "no", False),
        ("callee", "no", "yes", True),
    ],
)
def test_a_yes_against_a_no_of_equal_priority_is_settled_as_configured(
    tie_break: str, caller: str, callee: str, expected: bool
) -> None:
    assert both(caller, callee, f'tie_break = "{tie_break}"') is expected


@pytest.mark.proves("F-017")
@pytest.mark.parametrize(
    ("against", "caller", "callee", "expected"),
    [
        ("never", "force", "never", False),
        ("force", "force", "never", True),
        ("caller", "force", "never", True),
        ("caller", "never", "force", False),
        ("callee", "force", "never", False),
        ("callee", "never", "force", True),
    ],
)
def test_force_against_never_is_settled_as_configured(against: str, caller: str, callee: str, expected: bool) -> None:
    assert both(caller, callee, f'force_against_never = "{against}"') is expected


@pytest.mark.proves("F-017")
@pytest.mark.parametrize(("yes", "no", "expected"), [(20, 10, True), (10, 20, False)])
def test_priority_settles_a_yes_against_a_no_before_the_tie_break(yes: int, no: int, expected: bool) -> None:
    for tie_break in ("record", "skip", "caller", "callee"):
        text = f'[decide]\ntie_break = "{tie_break}"\n'
        decision = decided(text + rule("100", "yes", yes) + rule("101", "no", no), internal())
        assert (decision.mode is not Mode.NEVER) is expected
        assert "priority 20 beats 10" in decision.reason


def test_priority_settles_nothing_between_force_and_no_or_never_and_yes() -> None:
    assert decided(rule("100", "force", 0) + rule("101", "no", 100), internal()).mode is Mode.ALWAYS
    assert decided(rule("100", "yes", 100) + rule("101", "never", 0), internal()).mode is Mode.NEVER


def test_a_default_of_never_is_no_opinion() -> None:
    assert decided('[decide]\ntie_break = "skip"\n' + rule("100", "yes"), internal()).mode is Mode.ALWAYS


def test_a_rule_of_mode_never_is_a_no() -> None:
    text = '[[rule]]\nname = "n"\nextension = "101"\nmode = "never"\n'
    assert decided('[decide]\ntie_break = "skip"\n' + rule("100", "yes") + text, internal()).mode is Mode.NEVER
    assert decided(rule("100", "yes") + text, internal()).mode is Mode.ALWAYS


def test_who_was_called_through_a_ddi_or_a_queue_is_on_the_callees_side() -> None:
    ddi = '[[rule]]\nname = "d"\nddi = "0205550100"\nmode = "always"\n'
    trunk = '[[rule]]\nname = "t"\ntrunk = "carrier1"\nmode = "never"\n'
    for tie_break, expected in (("callee", True), ("caller", False)):
        text = f'[decide]\ntie_break = "{tie_break}"\n' + ddi + trunk
        assert (decided(text, inbound()).mode is not Mode.NEVER) is expected
    for tie_break, expected in (("callee", False), ("caller", True)):
        text = f'[decide]\ntie_break = "{tie_break}"\n' + ddi + trunk
        assert (decided(text, outbound()).mode is not Mode.NEVER) is expected


def test_when_one_side_says_both_the_tie_break_falls_back_to_recording_and_force_to_never() -> None:
    yes = '[[rule]]\nname = "y"\nddi = "0205550100"\nmode = "always"\n'
    no = rule("100", "no")
    assert decided('[decide]\ntie_break = "callee"\n' + yes + no, inbound()).mode is Mode.ALWAYS
    force = yes + 'grade = "force"\n'
    assert (
        decided('[decide]\nforce_against_never = "callee"\n' + force + rule("100", "never"), inbound()).mode
        is Mode.NEVER
    )


def test_the_strongest_mode_wins_among_those_who_say_yes() -> None:
    modes = ["on-demand", "always-with-pause", "always"]
    for weak, strong in itertools.combinations(modes, 2):
        for first, second in ((weak, strong), (strong, weak)):
            text = rule("100", "yes", mode=first) + rule("101", "yes", mode=second)
            decision = decided(text, internal())
            assert decision.mode.value == strong
            assert len(decision.owners) == 2


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ('mode = "on-demand"', None, {START, STOP, PAUSE}),
        ('mode = "always-with-pause"', None, {PAUSE}),
        ('mode = "always"', None, set()),
        ('mode = "on-demand"\ngrants = ["start"]', None, {START}),
        ('mode = "on-demand"\ngrants = []', None, set()),
        ('mode = "always-with-pause"\ngrants = []', None, set()),
        ('mode = "on-demand"', 'mode = "always"', set()),
        ('mode = "on-demand"', 'mode = "always-with-pause"', {PAUSE}),
        ('mode = "always-with-pause"', 'mode = "always-with-pause"\ngrants = []', set()),
        ('mode = "on-demand"\ngrants = ["start"]', 'mode = "on-demand"\ngrants = ["stop"]', {START, STOP}),
    ],
)
def test_what_one_owner_grants_never_ends_what_another_owners_rule_wants(
    one: str, other: str | None, expected: set[Grant]
) -> None:
    text = f'[[rule]]\nname = "a"\nextension = "100"\n{one}\n'
    if other:
        text += f'[[rule]]\nname = "b"\nextension = "101"\n{other}\n'
    assert decided(text, internal()).grants == expected


def test_a_queues_default_of_on_demand_lets_people_start_it() -> None:
    decision = decided('[defaults]\nmode = "on-demand"\n', queued())
    assert decision.mode is Mode.ON_DEMAND
    assert decision.reason == "recorded on demand: the default is on-demand (queue sales)"


GRADES = st.sampled_from(["force", "yes", "neutral", "no", "never"])


@given(GRADES, GRADES, GRADES)
def test_a_never_that_no_force_opposes_is_never_recorded_and_a_force_that_no_never_opposes_always(
    one: str, two: str, three: str
) -> None:
    text = rule("100", one) + rule("101", two)
    says_yes = three in ("yes", "force", "neutral")
    text += '[[rule]]\nname = "g"\nring_group = "600"\n' + ('mode = "always"\n' if says_yes else "")
    text += f'grade = "{three}"\n'
    grades = {one, two, three}
    mode = decided(text, talk("100", "101", told={"group": "600"})).mode
    if "never" in grades:
        assert mode is Mode.NEVER
    elif "force" in grades:
        assert mode is Mode.ALWAYS
    elif "yes" not in grades:
        assert mode is Mode.NEVER
