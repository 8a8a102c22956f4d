"""The containers' entry script, run for real: passwords made once, never shown; each part started as it should be."""

from __future__ import annotations

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "packaging" / "docker" / "entry.sh"
SHOW = '#!/bin/sh\nprintf "%s" "$(basename "$0")"; printf " [%s]" "$@"; echo\n'


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Stand-ins that say how they were called, before everything else on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("onrecord", "python3"):
        (folder / name).write_text(SHOW)
        (folder / name).chmod(0o755)
    return folder


def enter(programs: Path, secrets: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "ONRECORD_SECRETS": str(secrets)}
    return subprocess.run(
        ["sh", str(SCRIPT), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=30
    )


def passwords(secrets: Path) -> dict[str, str]:
    return {each.stem: each.read_text().strip() for each in secrets.glob("*.secret")}


def test_the_first_start_makes_passwords_that_only_their_owner_reads(programs: Path, tmp_path: Path) -> None:
    told = enter(programs, tmp_path / "secrets", "asterisk")
    assert told.returncode == 0, told.stderr
    found = passwords(tmp_path / "secrets")
    assert set(found) == {"ami", "ari", "admin", "phone"}
    assert len(set(found.values())) == 4
    for name, password in found.items():
        assert re.fullmatch(r"[\w-]{32}", password), "24 bytes, and nothing that a configuration file would split"
        assert (tmp_path / "secrets" / f"{name}.secret").stat().st_mode & 0o777 == 0o600
        assert password not in told.stdout + told.stderr
    assert sorted(tmp_path.joinpath("secrets").iterdir()) == sorted(tmp_path.joinpath("secrets").glob("*.secret"))


def test_a_later_start_keeps_them_and_another_place_has_others(programs: Path, tmp_path: Path) -> None:
    enter(programs, tmp_path / "one", "controller")
    first = passwords(tmp_path / "one")
    assert set(first) == {"ami", "ari"}
    enter(programs, tmp_path / "one", "phones")
    assert passwords(tmp_path / "one").items() >= first.items()
    enter(programs, tmp_path / "two", "controller")
    assert not set(passwords(tmp_path / "two").values()) & set(first.values())


def test_parts_that_start_at_once_agree_on_one_password(programs: Path, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: enter(programs, secrets, "asterisk"), range(8)))
    assert {each.returncode for each in told} == {0}
    made = re.findall(r"made a password: \S*/(\w+)\.secret", "".join(each.stdout for each in told))
    assert sorted(made) == ["admin", "ami", "ari", "phone"]  # each of them once, by whoever was first


def test_an_empty_password_file_is_not_taken_for_a_password(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "ami.secret").touch()
    told = enter(programs, tmp_path, "controller")
    assert told.returncode == 1
    assert "ami.secret" in told.stderr
    assert "[run]" not in told.stdout


def test_where_no_password_can_be_made_nothing_is_started(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = enter(programs, tmp_path / "file", "controller")
    assert told.returncode != 0
    assert "[run]" not in told.stdout


@pytest.mark.parametrize(
    ("arguments", "called"),
    [
        (["controller"], "onrecord [run]"),
        (["controller", "--config", "/a folder/x.toml"], "onrecord [run] [--config] [/a folder/x.toml]"),
        (["asterisk"], "python3 [-m] [controller.demo] [pbx]"),
        (["phones"], "python3 [-m] [controller.demo] [phones]"),
        (["onrecord", "list", "--since", "1 day"], "onrecord [list] [--since] [1 day]"),
    ],
)
def test_a_part_is_started_in_place_of_the_script(
    arguments: list[str], called: str, programs: Path, tmp_path: Path
) -> None:
    told = enter(programs, tmp_path, *arguments)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[-1] == called


def test_another_command_is_run_as_it_stands_and_makes_no_password(programs: Path, tmp_path: Path) -> None:
    told = enter(programs, tmp_path / "secrets", "sh", "-c", "echo $$ $PPID; exit 7")
    assert told.returncode == 7
    assert not (tmp_path / "secrets").exists()


def test_without_a_part_it_says_which_there_are(programs: Path, tmp_path: Path) -> None:
    told = enter(programs, tmp_path)
    assert told.returncode == 2
    assert "controller, asterisk or phones" in told.stderr
