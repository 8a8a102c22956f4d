"""`onrecord prompt …`: what the PBX says about recording, in which languages, and recordings of your own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from controller.cli.ending import BAD_USE, DEFAULT_CONFIG, FOUND, AsJson, ConfigPath, Ending, say_json, screen
from controller.config.prompts import OWN
from controller.prompts import beeps as beeping
from controller.prompts.examine import examine
from controller.prompts.find import Found, find, languages, names
from controller.prompts.make import RATES, note
from controller.prompts.make import generate as make
from controller.prompts.manifest import HOME, SOUNDS, manifest
from controller.prompts.place import place as put
from controller.prompts.region_file import OURS, BadRegions, regions
from controller.prompts.speak import NoVoice

Languages = Annotated[list[str] | None, typer.Option("--language", "-l", help="Only this one; may be repeated.")]


@dataclass(frozen=True, slots=True)
class Listed:
    """A prompt in one language. `own`: the site's own recording; `version`: what the evidence cites."""

    prompt: str
    language: str
    words: str
    seconds: float
    own: bool
    version: str
    file: str


def own_folder(config: Path) -> Path:
    return config.parent / OWN


def list_(language: Languages = None, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Every prompt with its words, length and file; your own recordings in place of ours."""
    own = own_folder(config)
    found = [
        Listed(each.prompt, each.language, each.words, each.seconds, each.own, each.version, str(each.path))
        for each in _all(tuple(language or ()) or languages(own), own)
    ]
    if as_json:
        say_json(found)
        return
    table = Table("prompt", "language", "length", "whose", "words")
    for one in found:
        whose = "your own" if one.own else "ours"
        table.add_row(
            one.prompt, one.language, f"{one.seconds:.1f} s", whose, escape(one.words) or "[dim]not noted[/]"
        )
    screen().print(table)


def _all(wanted: tuple[str, ...], own: Path) -> list[Found]:
    found = [find(name, language, own) for language in wanted for name in names(language, own)]
    return [each for each in found if each is not None and each.language in wanted]


def check(language: Languages = None, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Whether every prompt is there, can be played, and is what was made; and whether regions.toml makes sense.

    Exit codes: 0 all is well; 1 something is missing or wrong.
    """
    own, own_regions = own_folder(config), config.parent / OURS.name
    troubles = [str(each) for each in examine(language or (), own)]
    try:
        regions(own_regions)
    except BadRegions as error:
        troubles += str(error).splitlines()
    if as_json:
        say_json(troubles)
    else:
        for each in troubles:
            print(each)
        if not troubles:
            count = len(language or languages(own))
            print(f"{len(manifest().prompts)} prompts in {count} languages: all there, all as they were made")
    if troubles:
        raise typer.Exit(FOUND)


def generate(
    language: Languages = None,
    rate: Annotated[int, typer.Option(help="8000, or 16000 (.wav16) for wide-band calls.")] = 8000,
    to: Annotated[Path | None, typer.Option(help="A folder; left out: OnRecord's own.")] = None,
) -> None:
    """Speak the manifest anew with the voices that are installed, and make the beeps of all regions.

    Needs flite and espeak-ng (apt-get install flite espeak-ng).

    Exit codes: 0 made; 1 a voice is missing; 2 wrong use.
    """
    told = manifest()
    if rate not in RATES:
        raise Ending(f"--rate {rate}: {' or '.join(map(str, RATES))}", BAD_USE)
    if strange := [each for each in language or () if each not in told.voices]:
        raise Ending(f"no voice is named for {', '.join(strange)}: {', '.join(told.languages)} have one", BAD_USE)
    sounds = to or SOUNDS
    try:
        rows = make(told, sounds, language or told.languages, rate, lambda line: print(line, file=sys.stderr))
        beeping.beeps(regions(), sounds, rate)
        if to is None and rate == 8000:
            note(HOME, rows, dict(told.made))
    except NoVoice as missing:
        raise Ending(str(missing), FOUND) from missing
    except OSError as error:
        raise Ending(f"{error.filename or sounds}: {error.strerror or error}", FOUND) from error
    print(f"{len(rows)} prompts and {len(regions().by_code) + 1} beeps in {sounds}")


def place(
    folder: Annotated[Path, typer.Argument(help="What prompts_dir under [[pbx]] names, as seen from here.")],
    language: Languages = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Put prompts and beeps where the PBX plays them; your own recordings in place of ours."""
    try:
        changed = put(folder, own_folder(config), language or ())
    except OSError as error:
        raise Ending(f"{error.filename or folder}: {error.strerror or error}", FOUND) from error
    print(f"{folder}: {len(changed)} files new or changed" if changed else f"{folder}: nothing to change")
