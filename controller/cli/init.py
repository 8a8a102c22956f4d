"""`onrecord init`: look at an Asterisk's configuration, show what it lacks, and add it only when told to."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from controller.cli.ending import BAD_USE, DEFAULT_CONFIG, FOUND, AsJson, ConfigPath, Ending, say_json, screen
from controller.config.problems import ConfigError
from controller.init import apply as disk
from controller.init.conf import NotReadable
from controller.init.edits import Edit
from controller.init.plan import Plan, Wishes, make

_USER = re.compile(r"[A-Za-z0-9_-]{1,40}")
RELOADS = {
    "onrecord_manager.conf": "module reload manager",
    "onrecord_http.conf": "module reload http",
    "onrecord_ari.conf": "module reload res_ari.so",
    "features.conf": "module reload features",
    "extensions.conf": "dialplan reload",
}
"""What to say to Asterisk after an undo, by the file that was changed or removed."""
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def init(
    asterisk: Annotated[Path, typer.Option(help="Asterisk's configuration folder.")] = Path("/etc/asterisk"),
    config: ConfigPath = DEFAULT_CONFIG,
    do_apply: Annotated[bool, typer.Option("--apply", help="Write it, with a backup.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take out of Asterisk's files what was added.")] = False,
    user: Annotated[str, typer.Option(help="The name of our user in AMI and ARI.")] = "onrecord",
    without: Annotated[list[str] | None, typer.Option(help="Leave out: ari, dialplan. May be repeated.")] = None,
    pbx: Annotated[str, typer.Option(help="What to call this PBX.")] = "main",
    spool_dir: Annotated[
        str, typer.Option(help="The recordings' folder as this machine sees it, where Asterisk sees another path.")
    ] = "",
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Print passwords instead of stars.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what an existing Asterisk needs so that OnRecord can record on it; with --apply, add it.

    Nothing is written without --apply or --undo. Asterisk is never reloaded: what to say to it is printed. Exit
    code 1: something must be mended by hand first.
    """
    etc = asterisk.absolute()
    try:
        if undo:
            _undo(etc, do_apply, as_json)
        else:
            wishes = Wishes(etc, config.absolute(), pbx, user, *_kept(without or []), spool_dir)
            _check(wishes)
            _init(make(wishes), do_apply, show_secrets, as_json)
    except NotReadable as error:
        raise Ending(str(error), BAD_USE) from error
    except disk.NotWritten as error:
        raise Ending(str(error), FOUND) from error
    except ConfigError as error:
        raise Ending(f"{error}\nmend it first, or name another file with --config", BAD_USE) from error
    except OSError as error:
        remedy = ": run this with sudo" if isinstance(error, PermissionError) and os.geteuid() != 0 else ""
        raise Ending(f"{error.filename or etc}: {error.strerror}{remedy}", BAD_USE) from error


def _kept(without: list[str]) -> tuple[bool, bool]:
    odd = sorted(set(without) - {"ari", "dialplan"})
    if odd:
        raise Ending(f"--without {odd[0]}: it takes ari or dialplan", BAD_USE)
    return "ari" not in without, "dialplan" not in without


def _check(wishes: Wishes) -> None:
    for option, value in (("--user", wishes.user), ("--pbx", wishes.pbx)):
        if not _USER.fullmatch(value):
            raise Ending(f"{option} {value!r}: up to 40 letters, digits, - and _", BAD_USE)
    if wishes.user == "general":
        raise Ending("--user general: that is the name of a section of Asterisk's own", BAD_USE)
    if wishes.spool_dir and not wishes.spool_dir.startswith("/"):
        raise Ending(f"--spool-dir {wishes.spool_dir}: write the whole path", BAD_USE)


def _init(plan: Plan, do_apply: bool, show_secrets: bool, as_json: bool) -> None:
    stuck = bool(plan.troubles)
    backup = _apply(plan) if do_apply and not stuck else None
    if as_json:
        say_json(_as_json(plan, do_apply and not stuck, backup, show_secrets))
    else:
        _print(plan, do_apply and not stuck, backup, show_secrets)
    if stuck:
        raise Ending(f"{len(plan.troubles)} to mend by hand first; nothing was written", FOUND)


def _apply(plan: Plan) -> Path | None:
    """Files of the controller first: what Asterisk is told of is then there. Returns the backup's folder."""
    if plan.ours:
        group = disk.group_of("onrecord")
        reader = disk.Owner(os.geteuid(), os.getegid() if group is None else group, 0o750)
        for edit in plan.ours:
            disk.make_folder(edit.path.parent, reader)
            disk.write(edit.path, edit.after, disk.Owner(reader.uid, reader.gid, 0o640))
    if not plan.edits:
        return None
    return disk.apply(plan.wishes.etc, plan.edits, plan.runs_as)


def _undo(etc: Path, also_apply: bool, as_json: bool) -> None:
    if also_apply:
        raise Ending("--apply and --undo together: choose one", BAD_USE)
    done = disk.undo(etc)
    if as_json:
        say_json({"undone": [{"file": str(path), "how": how} for path, how in done]})
        return
    console = screen()
    for path, how in done:
        console.print(f"[bold]{escape(str(path))}[/]: {escape(how)}")
    if not done:
        console.print(f"nothing of OnRecord's is in {escape(str(etc))}")
    else:
        console.print("\n[bold]Next[/]")
        names = {path.name for path, _ in done}
        for name, command in RELOADS.items():
            if name in names:
                console.print(f"  asterisk -rx '{command}'")
        console.print("onrecord.toml and the passwords beside it were left alone.")


# -- telling -------------------------------------------------------------------------------------------------------


def _print(plan: Plan, applied: bool, backup: Path | None, show_secrets: bool) -> None:
    console = screen()
    for edit in plan.edits:
        _print_diff(console, edit, show_secrets)
    for note in plan.remarks:
        console.print(f"[yellow]note[/] {escape(note)}")
    if not plan.edits and not plan.troubles:
        console.print(f"[green]nothing to add[/]: {escape(str(plan.wishes.etc))} has all that OnRecord needs")
    _print_ours(console, plan, applied)
    if backup is not None:
        console.print(f"[green]written[/]; what was there before is in {escape(str(backup))}")
    for trouble in plan.troubles:
        console.print(f"[red]to mend by hand[/] {escape(trouble)}")
    if not plan.troubles:
        _print_next(console, plan, applied)


def _print_diff(console: Console, edit: Edit, show_secrets: bool) -> None:
    for line in edit.diff(show_secrets):
        style = "bold" if line.startswith(("---", "+++")) else _COLOURS.get(line[:1], "")
        console.print(line, style=style, markup=False, soft_wrap=True)
    console.print()


def _print_ours(console: Console, plan: Plan, applied: bool) -> None:
    verb = "written" if applied else "would be written"
    for edit in plan.ours:
        console.print(f"[green]{verb}[/] {escape(str(edit.path))} (mode 0640)")
        if edit.path == plan.wishes.config and not applied:
            for line in edit.after.decode().splitlines():
                style = "dim" if line.startswith("#") else ""
                console.print(f"  {line}", style=style, markup=False, soft_wrap=True)
    if plan.proposed:
        console.print(f"\n[bold]{escape(str(plan.wishes.config))}[/] is yours; these are on the PBX and not in it:\n")
        console.print(plan.proposed, markup=False, soft_wrap=True)


def _print_next(console: Console, plan: Plan, applied: bool) -> None:
    if not applied and (plan.edits or plan.ours):
        again = " ".join(["onrecord init --apply", *(arg for arg in sys.argv[2:] if arg not in ("--json", "init"))])
        console.print(f"\nNothing was written yet. To write it: [bold]{escape(again)}[/]")
        console.print("Passwords are made when it is written.")
        return
    console.print("\n[bold]Next[/]")
    for step in next_steps(plan, applied):
        console.print(f"  {escape(step)}", soft_wrap=True)


def next_steps(plan: Plan, applied: bool = True) -> list[str]:
    """Commands for the admin, in order."""
    config = str(plan.wishes.config)
    steps = [f"asterisk -rx '{reload}'" for reload in (plan.reloads if applied else ())]
    if applied and disk.group_of("onrecord") is None:
        folder = plan.wishes.config.parent
        steps.append(f"chgrp -R onrecord {folder}        # once that group is there (packaging/onrecord.sysusers)")
    folder = Path(plan.wishes.spool_dir or plan.monitor_dir)
    if not folder.is_dir():
        who = plan.runs_as or "root"
        steps.append(f"install -d -o {who} -g onrecord -m 2770 {folder}")
    return [
        *steps,
        f"onrecord doctor --config {config}        # is everything as it should be?",
        f"$EDITOR {config}          # who is recorded: nothing is without a rule",
        "systemctl enable --now onrecord",
    ]


def _as_json(plan: Plan, applied: bool, backup: Path | None, show_secrets: bool) -> dict[str, object]:
    return {
        "asterisk": str(plan.wishes.etc),
        "config": str(plan.wishes.config),
        "applied": applied,
        "backup": str(backup) if backup else None,
        "changes": [
            {"file": str(each.path), "new": each.is_new, "diff": each.diff(show_secrets)} for each in plan.edits
        ],
        "own_files": [str(each.path) for each in plan.ours],
        "notes": plan.remarks,
        "to_mend": plan.troubles,
        "reload": plan.reloads,
        "people": plan.people,
        "proposed": plan.proposed,
    }


__all__ = ["init", "next_steps"]
