"""`onrecord prompt import|remove|show|play`: one prompt in one language, and a recording of your own in its place."""

from __future__ import annotations

import getpass
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer

from controller.cli.ending import BAD_USE, DEFAULT_CONFIG, FOUND, AsJson, ConfigPath, Ending, say_json
from controller.cli.listen import listen
from controller.cli.prompt import own_folder
from controller.prompts.find import Found, find, languages, names, our_recording
from controller.prompts.keep import Came, keep, put_away
from controller.prompts.level import active_level
from controller.prompts.manifest import manifest
from controller.prompts.owned import Spoilt, replaced
from controller.prompts.take import Unfit, take

Named = Annotated[str, typer.Argument(help="Such as recorded or opt-out.")]
Language = Annotated[str, typer.Option("--language", "-l", help="Such as de.")]
PLACE = "`onrecord prompt place` puts it where the PBX plays it"


def import_(
    file: Annotated[Path, typer.Argument(help="WAV, FLAC, Ogg, MP3 …, of any rate, mono or stereo.")],
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="Which it replaces; left out: the file's name.")] = "",
    language: Annotated[str, typer.Option("--language", "-l", help="Such as de; left out: the folder's name.")] = "",
    words: Annotated[str, typer.Option(help="What it says: kept with the evidence of consent.")] = "",
    new: Annotated[bool, typer.Option("--new", help="It is a prompt that only you have, for rules to name.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Take a recording of your own for a prompt: it is checked, brought to 8 kHz mono and to the level of the others.

    What was played before is kept, under its number. Exit codes: 0 taken; 1 unfit; 2 wrong use.
    """
    told, own = manifest(), own_folder(config)
    name, tongue = prompt or file.stem, language or file.parent.name
    if name not in told.prompts and not new:
        remedy = f"--prompt takes {', '.join(told.prompts)}; --new adds one of your own, for a rule to name"
        raise Ending(f"there is no prompt {name!r}: {remedy}", BAD_USE)
    if not language and tongue not in languages(own):
        raise Ending(
            f"in which language is {file}? --language takes one such as {', '.join(told.languages)}", BAD_USE
        )
    try:
        taken = take(file)
        kept = keep(taken, own, tongue, name, words, Came(_now(), _account(), file.name))
    except Unfit as unfit:
        raise Ending(f"{file}: {unfit}", FOUND) from unfit
    except (Spoilt, OSError) as error:
        raise Ending(_told(error, own), FOUND) from error
    if as_json:
        facts = {"file": str(kept.path), "prompt": name, "language": tongue, "seconds": kept.seconds}
        said = {
            "level_dbov": taken.level,
            "mended": taken.mended,
            "doubts": taken.doubts,
            "words": words,
            "version": kept.version,
        }
        say_json({**facts, **said})
        return
    for each in (*taken.mended, *taken.doubts):
        print(each)
    print(f"{kept.path}: {kept.seconds:.1f} s, {taken.level:.0f} dBov, cited as {kept.version}")
    print(PLACE)
    if not words:
        print("its words were not given (--words): evidence of consent will name the file's hash only")


def remove(prompt: Named, language: Language, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Take your own recording of a prompt out again, so that ours is played. It is kept, under its number.

    Exit codes: 0 done; 1 there is none, or it cannot be moved.
    """
    own = own_folder(config)
    if not (own / language / f"{prompt}.wav").is_file():
        raise Ending(f"there is no recording of your own of {language}/{prompt} in {own}", FOUND)
    try:
        saved = put_away(own, language, prompt)
    except (Spoilt, OSError) as error:
        raise Ending(_told(error, own), FOUND) from error
    print(f"kept as {saved}" if saved is not None else "it could not be played, and is deleted")
    print("ours is in its place" if our_recording(prompt, language) else "nothing is in its place")
    print(PLACE)


def show(prompt: Named, language: Language, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """One prompt in one language: its words, whose it is, who brought it and when, and what evidence cites.

    Exit codes: 0 well; 1 there is no such prompt in this language.
    """
    found, own = _found(prompt, language, config), own_folder(config)
    ours = our_recording(prompt, found.language)
    old = replaced(own, found.language, prompt)
    level = round(active_level(np.asarray(soundfile.read(found.path, dtype="int16")[0], np.int16), 8000), 1)
    if as_json:
        facts = {**asdict(found), "path": str(found.path), "version": found.version, "level_dbov": level}
        say_json({**facts, "replaced": [str(path) for _, path in old]})
        return
    print(f"{prompt} in {found.language}: {found.words or '(its words were not noted)'}")
    print(f"{_whose(found)}; {found.seconds:.1f} s, {level:.0f} dBov active level")
    print(f"{found.path}\nSHA-256 of the samples {found.sha256}, cited as {found.version}")
    if found.own and ours is not None:
        print(f"ours, not played: {ours.words} ({ours.version})")
    for number, path in old:
        print(f"played before, recording {number}: {path}")


def play(
    prompt: Named,
    language: Language,
    device: Annotated[str, typer.Option("--device", "-d", help="The sound device: its name, or its number.")] = "",
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Hear a prompt on this machine's sound card, as callers would.

    Exit codes: 0 well; 1 there is no such prompt in this language; 2 no such device; 3 no sound card.
    """
    listen(play=_found(prompt, language, config).path, device=device)


def _found(prompt: str, language: str, config: Path) -> Found:
    own = own_folder(config)
    found = find(prompt, language, own)
    if found is None or found.language != language:
        known = names(language, own) if language in languages(own) else ()
        what = f"there are {', '.join(known)}" if known else f"there is nothing in {language!r}"
        raise Ending(f"there is no prompt {prompt!r} in {language!r}: {what}", FOUND)
    return found


def _whose(found: Found) -> str:
    if not found.own:
        return f"ours, spoken by {manifest().made[found.language, found.prompt].voice}"
    if found.brought is None:
        return "your own, put there by hand"
    how = [f"on {found.brought.at}" if found.brought.at else "", f"by {found.brought.by}" if found.brought.by else ""]
    source = f"from {found.brought.source}" if found.brought.source else ""
    return " ".join(filter(None, [f"your own, recording {found.brought.number}, brought", *how, source]))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _account() -> str:
    """Who is at the keyboard: with sudo, who called it."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"account {os.getuid()}"


def _told(error: Exception, own: Path) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or own}: {error.strerror or error}"
    return str(error)
