"""Number patterns on real calls: who is excluded, what a wildcard means, and that an inclusion beats an exclusion."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.config.load import parse
from controller.lab import Asterisk, MakePhone, sounds
from tests.live.controlling import ROSTER, Controlling, controlling
from tests.live.proving import HOUSE, Talk, at_once, phones

HUNDRED = '[[rule]]\nname = "hundred"\nextension = "100"\nmode = "always"\n'


def use(control: Controlling, numbers: str, rules: str = HUNDRED) -> None:
    """Put these lines into [numbers]."""
    text = ROSTER.replace('internal = ["1.."]', f'internal = ["1.."]\n{numbers}')
    control.engine.use(parse(text + rules, control.folder / "onrecord.toml").policy)


EXCLUDED = 'exclude = ["72.", "0203331!", "0201112222", { number = "0304440!", direction = "to" }]'

CALLERS = {
    "720": False,
    "729": False,
    "730": True,  # the vendor's guide says that 72. begins with 73: the pattern is authoritative
    "72": True,
    "7201": True,  # . is exactly one digit
    "0203331": False,  # ! is any number of further digits, also none
    "0203331999": False,
    "0203332000": True,
    "0201112222": False,
    "+31201112222": False,  # the same number, as another carrier writes it
    "02011122223": True,  # plain digits match exactly
    "0304440123": True,  # excluded only when it is called
}
DIALLED = {"0201112222": False, "0201112223": True, "0304440123": False, "0203331777": False}


@pytest.mark.proves("I-16", "I-17", "F-011")
async def test_calls_with_excluded_numbers_are_not_recorded_and_all_others_are(
    asterisk: Asterisk, carrier: MakePhone, tmp_path: Path
) -> None:
    world = await carrier("carrier1")
    world.auto(sounds.tone(HOUSE), loop=True)
    async with phones(asterisk, "100") as made, controlling(asterisk, HUNDRED, tmp_path) as control:
        use(control, EXCLUDED)
        inward = await at_once(
            control, [Talk(world, "0205550100", wanted, shown=number) for number, wanted in CALLERS.items()]
        )
        outward = await at_once(control, [Talk(made["100"], number, wanted) for number, wanted in DIALLED.items()])
    assert "(72.)" in inward["720 to 0205550100"].decision.reason
    assert "(0203331!)" in inward["0203331999 to 0205550100"].decision.reason
    assert "0304440!" in outward["100 to 0304440123"].decision.reason
    assert inward["730 to 0205550100"].decision.rule == "hundred"


@pytest.mark.proves("F-012")
async def test_an_included_number_beats_an_exclusion_and_is_recorded_if_a_rule_wants_it(
    asterisk: Asterisk, carrier: MakePhone, tmp_path: Path
) -> None:
    world = await carrier("carrier1")
    world.auto(sounds.tone(HOUSE), loop=True)
    async with phones(asterisk, "100", "101") as made, controlling(asterisk, HUNDRED, tmp_path) as control:
        use(control, 'exclude = ["030!"]\ninclude = ["0301234567", "03099."]')
        await at_once(
            control,
            [
                Talk(world, "0205550100", True, shown="0301234567"),
                Talk(world, "0205550100", False, shown="0301234568"),
                Talk(world, "0205550100", True, shown="030995"),
                Talk(world, "0205550123", False, shown="0301234567"),  # to 101, whom no rule wants
                Talk(made["100"], "0301234567", True),
                Talk(made["100"], "0307654321", False),
            ],
        )


@pytest.mark.proves("F-011", "F-012", "I-17")
async def test_a_rule_has_lists_of_its_own_and_there_too_the_inclusion_wins(
    asterisk: Asterisk, carrier: MakePhone, tmp_path: Path
) -> None:
    lists = 'match = ["030!", "040!"], exclude = "03012!", include = ["0301234567", "0500000001"]'
    rules = f"{HUNDRED}when = {{ remote = {{ {lists} }} }}\n"
    world = await carrier("carrier1")
    world.auto(sounds.tone(HOUSE), loop=True)
    async with phones(asterisk, "100") as made, controlling(asterisk, rules, tmp_path) as control:
        await at_once(
            control,
            [
                *(
                    Talk(world, "0205550100", wanted, shown=number)
                    for number, wanted in {
                        "0309876543": True,
                        "0301200000": False,
                        "0301234567": True,
                        "0500000001": True,
                        "0500000002": False,
                    }.items()
                ),
                Talk(made["100"], "0401111111", True),
                Talk(made["100"], "0301299999", False),
                Talk(made["100"], "0301234567", True),
            ],
        )
