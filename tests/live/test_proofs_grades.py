"""Who wins where rules meet, and what is inherited from where: on real calls, many at the same time."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import soundfile

from controller.lab import Asterisk
from tests.live.controlling import controlling
from tests.live.proving import Talk, at_once, phones

GRADES = ("force", "yes", "neutral", "no", "never")
CALLERS = dict(zip(GRADES, ("100", "101", "102", "103", "104"), strict=True))
CALLEES = dict(zip(GRADES, ("105", "106", "107", "108", "109"), strict=True))
RECORDED = {
    frozenset(pair)
    for pair in (
        ("force", "force"),
        ("force", "yes"),
        ("force", "neutral"),
        ("force", "no"),
        ("yes", "yes"),
        ("yes", "neutral"),
        ("yes", "no"),  # by tie_break = "record", which is built in
    )
}


def rules(decide: str = "", priorities: tuple[int, int] = (10, 10)) -> str:
    """One rule for each phone, named after its grade and side."""
    lines = [f"[decide]\n{decide}\n"] if decide else []
    for side, people, priority in (("caller", CALLERS, priorities[0]), ("callee", CALLEES, priorities[1])):
        for grade, number in people.items():
            mode = 'mode = "always"\n' if grade in ("force", "yes", "neutral") else ""
            lines.append(
                f'[[rule]]\nname = "{side} {grade}"\nextension = "{number}"\n{mode}grade = "{grade}"\n'
                f"priority = {priority}\n"
            )
    return "".join(lines)


@pytest.mark.proves("F-016")
async def test_each_pair_of_grades_has_its_outcome_on_calls_that_happen_at_the_same_time(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    numbers = (*CALLERS.values(), *CALLEES.values())
    async with phones(asterisk, *numbers) as made, controlling(asterisk, rules(), tmp_path) as control:
        pairs = list(itertools.product(GRADES, GRADES))
        talks = {
            (one, other): Talk(made[CALLERS[one]], CALLEES[other], frozenset((one, other)) in RECORDED)
            for one, other in pairs
        }
        found = await at_once(control, talks.values())
    decisions = {pair: found[str(talk)].decision for pair, talk in talks.items()}
    assert decisions["force", "no"].rule == "caller force"
    assert decisions["no", "force"].rule == "callee force"
    outcomes = {each.rule: each.outcome for each in decisions["yes", "never"].considered}
    assert outcomes["caller yes"] == "lost"
    assert "callee never" in decisions["yes", "never"].reason


@pytest.mark.proves("F-017")
@pytest.mark.parametrize(
    ("decide", "yes_no", "no_yes", "force_never", "never_force"),
    [
        ('tie_break = "record"\nforce_against_never = "never"', True, True, False, False),
        ('tie_break = "skip"\nforce_against_never = "force"', False, False, True, True),
        ('tie_break = "caller"\nforce_against_never = "callee"', True, False, False, True),
        ('tie_break = "callee"\nforce_against_never = "caller"', False, True, True, False),
    ],
)
async def test_a_tie_between_both_parties_rules_is_settled_as_configured(
    asterisk: Asterisk, tmp_path: Path, decide: str, yes_no: bool, no_yes: bool, force_never: bool, never_force: bool
) -> None:
    numbers = (*CALLERS.values(), *CALLEES.values())
    async with phones(asterisk, *numbers) as made, controlling(asterisk, rules(decide), tmp_path) as control:
        expected = {
            ("yes", "no"): yes_no,
            ("no", "yes"): no_yes,
            ("force", "never"): force_never,
            ("never", "force"): never_force,
        }
        await at_once(
            control,
            [Talk(made[CALLERS[one]], CALLEES[other], recorded) for (one, other), recorded in expected.items()],
        )


@pytest.mark.proves("F-017")
@pytest.mark.parametrize(("priorities", "caller_wins"), [((20, 10), True), ((10, 20), False)])
async def test_the_higher_priority_settles_a_yes_against_a_no_before_the_tie_break(
    asterisk: Asterisk, tmp_path: Path, priorities: tuple[int, int], caller_wins: bool
) -> None:
    policy = rules('tie_break = "skip"' if caller_wins else "", priorities)
    async with (
        phones(asterisk, "101", "103", "106", "108") as made,
        controlling(asterisk, policy, tmp_path) as control,
    ):
        await at_once(
            control,
            [
                Talk(made[CALLERS["yes"]], CALLEES["no"], caller_wins),
                Talk(made[CALLERS["no"]], CALLEES["yes"], not caller_wins),
            ],
        )


INHERITING = """
[defaults]
mode = "always"
max_length = 2.4
[[site]]
name = "branch"
max_length = 1.2
[[site]]
name = "quiet"
mode = "never"
[[extension]]
number = "119"
site = "quiet"
[[extension]]
number = "102"
site = "branch"
[[extension]]
number = "103"
site = "branch"
[[extension]]
number = "104"
site = "quiet"
[[extension]]
number = "105"
site = "quiet"
[[rule]]
name = "short"
extension = "103"
max_length = 0.6
[[rule]]
name = "after all"
extension = "105"
mode = "always"
"""
LENGTHS = {
    "101": 2.4,  # the organisation's mode and length
    "102": 1.2,  # its mode, the site's length
    "103": 0.6,  # its mode, the subject's own length
    "104": 0,  # the site's mode
    "105": 2.4,  # the subject's own mode, the organisation's length
}


@pytest.mark.proves("F-015")
async def test_what_the_subject_leaves_open_comes_from_its_site_and_then_from_the_organisation(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    async with phones(asterisk, "119", *LENGTHS) as made, controlling(asterisk, INHERITING, tmp_path) as control:
        talks = {number: Talk(made["119"], number, bool(length)) for number, length in LENGTHS.items()}
        found = await at_once(control, talks.values(), seconds=3)
    for number, length in LENGTHS.items():
        heard = [soundfile.info(each.mixed).duration for each in found[str(talks[number])].segments]
        assert len(heard) == bool(length)
        assert all(abs(each - length) < 0.25 for each in heard), (number, heard)
    assert found[str(talks["103"])].decision.rule == "short"
    assert found[str(talks["101"])].decision.rule == ""
