"""Somebody without rights is told that he has none; never that nothing is there."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.catalogue.database import open_catalogue
from controller.cli import alarms, live, main, records, story
from controller.config.load import load
from controller.journal import Journal
from controller.lab.home import HOME
from tests.init.offices import nobody

COMMANDS = (alarms, live, records, story)  # to be read in before there are no rights to read them
RIGHTS = "run this as root or as the controller's user"


@pytest.fixture
async def config(tmp_path: Path) -> Path:
    """A home whose folders are closed to strangers, as those of the controller are."""
    file = tmp_path / "onrecord.toml"
    file.write_text(HOME.replace('"catalogue.sqlite"', '"state/catalogue.sqlite"'))
    await (await open_catalogue(tmp_path / "state" / "catalogue.sqlite")).close()
    Journal(tmp_path / "journal").close()
    for closed in ("state", "journal"):
        (tmp_path / closed).chmod(0o700)  # whom the tests run as keeps his group
    load(file)  # what Python reads in late, it could not read in as a stranger
    return file


@pytest.fixture
def stranger(config: Path) -> Iterator[Path]:
    with nobody(config.parent):
        yield config


@pytest.mark.parametrize(
    "words", [("list",), ("show", "x"), ("export", "x"), ("check",), ("explain", "x"), ("replay",), ("alarms",)]
)
def test_a_command_tells_a_stranger_to_ask_as_somebody_else(
    stranger: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    more = ("--policy", str(stranger)) if words == ("replay",) else ()
    with pytest.raises(SystemExit) as ended:
        main([*words, *more, "--config", str(stranger)])
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (3, "")
    assert RIGHTS in told.err
    assert "there is no" not in told.err


def test_a_configuration_that_may_not_be_read_says_by_whom_it_may(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.chmod(0o600)
    with nobody(config.parent), pytest.raises(SystemExit) as ended:
        main(["list", "--config", str(config)])
    assert ended.value.code == 2
    assert f"it cannot be read: Permission denied: {RIGHTS}" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can become somebody else")
@pytest.mark.parametrize("owner", [0, 65534])
def test_what_root_writes_for_the_controller_belongs_to_whom_the_folder_belongs(tmp_path: Path, owner: int) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    os.chown(folder, owner, owner)
    for parent in tmp_path.parents:
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(parent.stat().st_mode | 0o055)
    tmp_path.chmod(0o755)
    program = "import sys, os; from pathlib import Path; from controller.cli.rights import as_owner; "
    program += "as_owner(Path(sys.argv[1])); Path(sys.argv[1], 'job').mkdir(); print(*os.getresuid())"
    done = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)  # noqa: S603
    assert (folder / "job").stat().st_uid == owner
    assert done.stdout.split() == [str(owner)] * 3  # and it can never be root again
