"""What the regions of a call's parties ask for, for `onrecord why`."""

from __future__ import annotations

from collections.abc import Iterator

from controller import telling
from controller.core import consent, policy, regions
from controller.core.decision import Decision, Mode
from controller.core.policy import Policy
from controller.core.regions import Required
from controller.core.subjects import direction
from controller.telling import Situation


def asked(told: Situation, decision: Decision, rules: Policy) -> Required | None:
    """What they ask for together; None where nothing is recorded."""
    return None if decision.mode is Mode.NEVER else policy.required(rules, telling.imagined(told, rules))


def lines(told: Situation, decision: Decision, rules: Policy, wanted: Required) -> Iterator[str]:
    """For a person: what is asked for, by whom, which settings follow it, and where the policy announces less."""
    yield from regions.told(wanted)
    options = decision.options
    if options.by_region:
        yield f'as the regions ask ("region" in the policy): {", ".join(sorted(options.by_region))}'
    announced = consent.asked_for(options, direction(telling.imagined(told, rules), rules.roster))
    for shortfall in regions.shortfalls(wanted, announced, options.announce_to):
        yield f"beware: {shortfall}"
