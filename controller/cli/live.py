"""`onrecord call …`: live calls, through the control socket of the running controller."""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from controller.cli.ending import (
    DEFAULT_CONFIG,
    FOUND,
    UNREACHABLE,
    AsJson,
    ConfigPath,
    Ending,
    control_socket,
    say_json,
    screen,
)
from controller.control import NotRunning, ask

Which = Annotated[str, typer.Argument(help="The call's id, a part of it that fits only one, or an extension on it.")]


def _answer(config: ConfigPath, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return ask(control_socket(config), request)
    except NotRunning as error:
        raise Ending(str(error), UNREACHABLE) from error


def _asked(do: str, call: str, config: ConfigPath, as_json: bool) -> None:
    answer = _answer(config, {"do": do, "call": call, "by": f"operator {getpass.getuser()}"})
    if as_json:
        say_json(answer)
    if not answer["ok"]:
        raise Ending(f"{do} refused: {answer['why']}", FOUND)
    if not as_json:
        more = f" ({answer['why']})" if answer.get("why") else ""
        print(f"{answer['call']}: recording is {answer['state']}{more}")


def list_(config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Which calls are live, whether each is recorded, and why."""
    answer = _answer(config, {"do": "list"})
    if not answer["ok"]:
        raise Ending(str(answer["why"]), FOUND)
    calls = answer["calls"]
    if as_json:
        say_json(calls)
        return
    title = f"{len(calls)} live call{'' if len(calls) == 1 else 's'}"
    table = Table("call", "since", "who", "recording", "why", title=title, title_justify="left")
    for call in calls:
        who = " — ".join(each["endpoint"] or each["number"] for each in call["parties"])
        since = datetime.fromtimestamp(call["began_at"]).astimezone().strftime("%H:%M:%S")
        reason = (call["decision"] or {}).get("reason", "")
        table.add_row(escape(call["call"]), since, escape(who), call["state"], escape(reason))
    screen().print(table)


def start(call: Which, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Start recording a live call, if its rule lets you."""
    _asked("start", call, config, as_json)


def stop(call: Which, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Stop recording a live call, if its rule lets you."""
    _asked("stop", call, config, as_json)


def pause(call: Which, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Pause: no speech reaches the file from here on."""
    _asked("pause", call, config, as_json)


def resume(call: Which, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """End a pause."""
    _asked("resume", call, config, as_json)
