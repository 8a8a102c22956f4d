"""Whether what a policy announces can be said: a language that it names and that has no prompts is a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath

from controller.config import models
from controller.config.positions import Path
from controller.config.problems import Notes
from controller.config.tables import Tables

PROMPTS = ("prompt_inbound", "prompt_outbound", "prompt_internal", "prompt_fallback")
OWN = "prompts"
"""The folder of a site's own recordings, beside the configuration file."""


def check_prompts(tables: Tables, home: FilePath, notes: Notes) -> None:
    """Note every language without prompts, and as a doubt every one that lacks some. `home`: the file's folder."""
    named, own = list(_named(tables)), list(_own(tables))
    if not named and not own:
        return
    # Imported late: most configurations name no language, and every command reads the configuration.
    from controller.prompts.examine import remedy
    from controller.prompts.find import find, lacking
    from controller.prompts.manifest import manifest

    for path, prompt, language in own:
        found = find(prompt, language, home / OWN)
        if found is None or found.language != language:
            file = f"{OWN}/{language}/{prompt}.wav"
            notes.warn(path, f"there is no {file} beside this file, so nobody can say here what it says")

    for path, language in named:
        missing = lacking(language, home / OWN)
        if len(missing) == len(manifest().prompts):
            notes.wrong((*path, "language"), remedy(language, missing))
        elif missing:
            notes.warn((*path, "language"), remedy(language, missing))


def _own(tables: Tables) -> Iterator[tuple[Path, str, str]]:
    """Prompts that are named, and the language that they are said in, as far as a table by itself tells."""
    usual = tables.one("defaults", models.Settings).language or "en"
    everywhere: list[tuple[Path, models.Settings]] = [(("defaults",), tables.one("defaults", models.Settings))]
    everywhere += [(("site", place), site) for place, site in tables.all("site", models.Site)]
    everywhere += [(("rule", place), rule) for place, rule in tables.all("rule", models.Rule)]
    for path, table in everywhere:
        for key in PROMPTS:
            prompt = getattr(table, key)
            if prompt:
                yield (*path, key), prompt, table.language or usual


def _named(tables: Tables) -> Iterator[tuple[Path, str]]:
    defaults = tables.one("defaults", models.Settings)
    if defaults.language:
        yield ("defaults",), defaults.language
    for place, site in tables.all("site", models.Site):
        if site.language:
            yield ("site", place), site.language
    for place, rule in tables.all("rule", models.Rule):
        if rule.language:
            yield ("rule", place), rule.language
