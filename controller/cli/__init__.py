"""The command line: `onrecord …`. Each group of commands has a file; here they are put together."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Annotated, Any

import typer

from controller.cli.ending import BAD_USE, UNREACHABLE, Ending

app = typer.Typer(
    name="onrecord",
    help="Record calls on Asterisk by policy, and know why each was recorded or was not.\n\n"
    "Exit codes: 0 well; 1 something was found or refused; 2 wrong use or configuration; 3 cannot be reached.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
calls = typer.Typer(help="Control a live call.", no_args_is_help=True)
app.add_typer(calls, name="call")
keys = typer.Typer(help="What PBX and phones must be told for Record keys, codes and lamps.", no_args_is_help=True)
app.add_typer(keys, name="keys")
prompts = typer.Typer(
    help="What the PBX says about recording: its words, and recordings of your own.", no_args_is_help=True
)
app.add_typer(prompts, name="prompt")

COMMANDS = {
    "run": "controller.cli.run:run",
    "demo": "controller.cli.run:demo",
    "init": "controller.cli.init:init",
    "why": "controller.cli.story:why",
    "explain": "controller.cli.story:explain",
    "replay": "controller.cli.story:replay",
    "list": "controller.cli.records:list_",
    "show": "controller.cli.records:show",
    "export": "controller.cli.records:export",
    "receipts": "controller.cli.receipts:receipts",
    "check": "controller.cli.records:check",
    "doctor": "controller.cli.doctor:doctor",
    "selftest": "controller.cli.selftest:selftest",
    "alarms": "controller.cli.alarms:alarms",
    "dtmf": "controller.cli.dtmf:dtmf",
    "listen": "controller.cli.listen:listen",
}
CALL_COMMANDS = {name: f"controller.cli.live:{name}" for name in ("list_", "start", "stop", "pause", "resume")}
PROMPT_COMMANDS = {
    **{name: f"controller.cli.prompt:{name}" for name in ("list_", "check", "generate", "place")},
    **{name: f"controller.cli.prompt_own:{name}" for name in ("show", "play", "import_", "remove")},
}
KEYS_COMMANDS = {name: f"controller.cli.provisioning:{name}" for name in ("codes", "phone")}


def _version(asked: bool) -> None:
    if asked:
        print(f"onrecord {metadata.version('onrecord')}")
        raise typer.Exit


@app.callback()
def _first(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Which it is.")
    ] = False,
) -> None:
    """What stands before any command."""


def _add(to: typer.Typer, name: str, where: str) -> None:
    module, _, function = where.partition(":")
    to.command(name)(getattr(importlib.import_module(module), function))


def main(arguments: list[str] | None = None) -> None:
    """The entry point. Expected trouble ends in one plain sentence on stderr and an exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    wanted = given[0] if given and given[0] in (*COMMANDS, "call", "keys", "prompt") else None
    # What is not asked for is not imported: the database and the web client alone cost half a second.
    for name, where in COMMANDS.items():
        if wanted in (None, name):
            _add(app, name, where)
    for name, where in CALL_COMMANDS.items():
        if wanted in (None, "call"):
            _add(calls, name.rstrip("_"), where)
    for name, where in KEYS_COMMANDS.items():
        if wanted in (None, "keys"):
            _add(keys, name, where)
    for name, where in PROMPT_COMMANDS.items():
        if wanted in (None, "prompt"):
            _add(prompts, name.rstrip("_"), where)
    _guarded(lambda: app(given, standalone_mode=True))


def _guarded(work: Callable[[], Any]) -> None:
    try:
        work()
    except Ending as ending:
        print(f"onrecord: {ending}", file=sys.stderr)
        sys.exit(ending.code)
    except PermissionError as error:
        why = f"{error.filename or 'something that is needed'}: {error.strerror}"
        print(f"onrecord: {why}: run this as root or as the controller's user", file=sys.stderr)
        sys.exit(UNREACHABLE)
    except ModuleNotFoundError as error:
        extras = "pip install '/path/to/onrecord[lab]' for the demo, '…[desk]' for a sound card"
        print(f"onrecord: a package is missing ({error.name}): {extras}", file=sys.stderr)
        sys.exit(BAD_USE)
