"""`onrecord run` and `onrecord demo`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from controller.cli.ending import BAD_USE, DEFAULT_CONFIG, ConfigPath, Ending, configuration
from controller.config.problems import ConfigError


def run(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Run the controller until it is told to stop. SIGHUP, or a changed file, puts new rules in force."""
    from controller import app

    loaded = configuration(config)
    if not loaded.pbxs:
        raise Ending(f"{config}: no [[pbx]] is listed, so there is nothing to control", BAD_USE)
    try:
        app.run(loaded)
    except ConfigError as error:
        raise Ending(str(error), BAD_USE) from error
    except (OSError, ValueError, BaseExceptionGroup) as error:
        first = error
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise Ending(f"cannot run: {first}", BAD_USE) from error


def demo(
    keep: Annotated[Path | None, typer.Option(help="Leave the recordings in this folder.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw what is printed into this SVG file.")] = None,
) -> None:
    """Place real calls through a private Asterisk, record them by policy, and show and hear the result."""
    from controller.demo import main

    sys.exit(main(keep, picture))
