"""What the regions of a call's parties ask for, for `onrecord why`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from controller.cli.ending import BAD_USE, Ending
from controller.core import consent, regions
from controller.core.decision import Decision, Mode
from controller.core.policy import Policy
from controller.core.regions import Region, Required
from controller.prompts import region_file
from controller.telling import Situation


def asked(told: Situation, decision: Decision, rules: Policy, config: Path) -> Required | None:
    """What they ask for together; None where nothing is recorded. Beside `config` may be a regions.toml."""
    if decision.mode is Mode.NEVER:
        return None
    try:
        rows = region_file.regions(config.parent / region_file.OWN)
    except region_file.BadRegions as error:
        raise Ending(str(error), BAD_USE) from error
    return regions.required(_parties(told, decision, rules, rows))


def _parties(told: Situation, decision: Decision, rules: Policy, rows: regions.Regions) -> Iterator[Region]:
    """Of the house first."""
    roster = rules.roster
    site = next((site for owner in decision.owners if (site := roster.site_of(owner))), "")
    yield regions.of_house(rows, site, roster.plan)
    if told.trunk:
        outside = told.to if direction(told, rules) == "outbound" else told.caller
        yield regions.of_number(rows, outside, roster.plan)


def direction(told: Situation, rules: Policy) -> str:
    """As telling builds the call: with a trunk, whoever is none of ours is outside."""
    if not told.trunk:
        return "internal"
    ours = rules.roster.is_internal(told.caller) or len(told.caller) <= 4
    return "outbound" if ours else "inbound"


def lines(told: Situation, decision: Decision, rules: Policy, wanted: Required) -> Iterator[str]:
    """For a person: what is asked for, by whom, and where the policy announces less."""
    yield from regions.told(wanted)
    announced = consent.asked_for(decision.options, direction(told, rules))
    for shortfall in regions.shortfalls(wanted, announced, decision.options.announce_to):
        yield f"beware: {shortfall}"
