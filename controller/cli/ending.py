"""How a command ends when it cannot do what was asked, and what several commands share: configuration and output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from controller.config.load import Config, load, load_control
from controller.config.problems import ConfigError

FOUND, BAD_USE, UNREACHABLE = 1, 2, 3


class Ending(Exception):
    """The command ends with this sentence and this exit code."""

    def __init__(self, why: str, code: int = FOUND) -> None:
        super().__init__(why)
        self.code = code


ConfigPath = Annotated[
    Path, typer.Option("--config", "-c", envvar="ONRECORD_CONFIG", help="The configuration file.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
DEFAULT_CONFIG = Path("/etc/onrecord/onrecord.toml")


def configuration(path: Path, secrets: bool = True) -> Config:
    """The configuration, or an Ending that names every mistake with its line. `secrets` False: without passwords."""
    try:
        return load(path, secrets)
    except ConfigError as error:
        raise Ending(str(error), BAD_USE) from error
    except OSError as error:
        hint = "`onrecord init` writes one to start from; --config or ONRECORD_CONFIG names another"
        raise Ending(f"{path}: {error.strerror or error}: {hint}", BAD_USE) from error


def control_socket(path: Path) -> Path:
    """Where the controller listens, or an Ending; what else is wrong in the file does not matter."""
    try:
        return load_control(path).socket
    except ConfigError as error:
        raise Ending(str(error), BAD_USE) from error


def screen() -> Console:
    """The terminal, or a wide page where the output goes to a file or another program."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


@contextmanager
def progress(what: str, quiet: bool = False) -> Iterator[Callable[[float, float], None]]:
    """A bar on stderr, for work that may take long, where somebody is looking. Move it with `tell(done, total)`."""
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def say_json(value: Any) -> None:
    """Print as JSON: records as objects, times in ISO 8601."""
    json.dump(value, sys.stdout, default=plain, ensure_ascii=False, indent=1)
    print()


def plain(value: Any) -> Any:
    """What JSON does not know by itself, as something that it does."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)
