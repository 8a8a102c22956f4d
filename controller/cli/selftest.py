"""`onrecord selftest`: places a call through the PBX and proves by listening that recording works."""

from __future__ import annotations

import asyncio
import sys
import time
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status as Progress

from controller.cli.doctor import ending, show
from controller.cli.ending import BAD_USE, DEFAULT_CONFIG, AsJson, ConfigPath, Ending, configuration, say_json
from controller.cli.rights import as_owner
from controller.config.load import Config
from controller.doctor.finding import Finding, Status
from controller.selftest import Selftest
from controller.watch.selftested import Outcome, read, write


def selftest(
    pbx: Annotated[list[str] | None, typer.Option("--pbx", metavar="NAME", help="Only these.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the recording in the store.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Place a call of six seconds and listen to its recording, beside the running controller. No phone rings.

    Exit codes: 0 proved; 1 a step failed; 2 wrong use or configuration; 3 controller or PBX cannot be reached.
    """
    loaded = configuration(config)
    names = [one.name for one in loaded.pbxs]
    strange = [name for name in pbx or () if name not in names]
    if strange or not names:
        raise Ending(
            f"there is no PBX {strange[0]!r}; there are {', '.join(names)}" if strange else "no [[pbx]]", BAD_USE
        )
    as_owner(loaded.spool.folder)
    findings = asyncio.run(_all(loaded, pbx or names, keep, quiet=as_json or not sys.stderr.isatty()))
    if as_json:
        say_json(findings)
    else:
        show(findings)
    _note(loaded, findings)
    if code := ending(findings):
        raise typer.Exit(code)


async def _all(config: Config, names: list[str], keep: bool, quiet: bool) -> list[Finding]:
    """One after the other: each must be able to find its own call."""
    found: list[Finding] = []
    with Console(stderr=True, quiet=quiet).status("selftest") as status:
        for one in config.pbxs:
            if one.name in names:
                found += await Selftest(config, one, keep, partial(_show_step, status, one.name)).run()
    return found


def _show_step(status: Progress, name: str, step: str) -> None:
    status.update(f"{name}: {step}")


def _note(config: Config, findings: list[Finding]) -> None:
    """For /metrics, `onrecord doctor` and the running controller's alarms."""
    outcomes, now = read(config.journal.folder), time.time()
    for name in {finding.where for finding in findings}:
        failed = next((each for each in findings if each.where == name and each.status is Status.FAIL), None)
        before = outcomes[name].passed_at if name in outcomes else 0.0
        outcomes[name] = (
            Outcome(now, True, now)
            if failed is None
            else Outcome(now, False, before, failed.check, failed.what, failed.remedy)
        )
    try:
        write(config.journal.folder, outcomes)
    except OSError as error:
        why = error.strerror or error
        print(f"onrecord: the outcome cannot be noted in {config.journal.folder}: {why}", file=sys.stderr)
