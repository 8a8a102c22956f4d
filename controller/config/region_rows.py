"""What the law asks where a party is: our rows, and those of regions.toml beside the configuration file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from controller.config.problems import Notes, Problem
from controller.core.regions import Regions
from controller.prompts import region_file
from controller.prompts.region_file import OWN


def read_regions(home: Path, sites: Iterable[str], notes: Notes) -> Regions:
    """The rows; every mistake in the file of `home` is noted. `sites`: those that the configuration names."""
    try:
        found = region_file.regions(home / OWN)
    except region_file.BadRegions as error:
        notes.problems += [Problem(0, OWN, f"{key}: {what}" if key else what) for key, what in error.problems]
        return region_file.regions()
    known = [*sites]
    for site in found.sites:
        if site not in known:
            what = f"site.{site}: the configuration has no [[site]] '{site}'{notes.meant(site, known)}"
            notes.problems.append(Problem(0, OWN, what))
    return found
