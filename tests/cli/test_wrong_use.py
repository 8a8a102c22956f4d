"""What the command line says to a slip: what is wrong, and what would be right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from controller.lab.home import HOME
from tests.cli.children import onrecord

POLICY = """
[keys]
codes = { record = "*1" }
[[extension]]
number = "100"
[[trunk]]
name = "carrier1"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "onrecord.toml"
    file.write_text(POLICY + HOME)
    return file


def test_the_version_is_told_alone() -> None:
    told = onrecord("--version")
    assert told.code == 0
    assert re.fullmatch(r"onrecord [0-9.]+\n", told.out)


@pytest.mark.parametrize("words", [("-h",), ("list", "-h"), ("call", "pause", "-h")])
def test_help_has_its_short_name_everywhere(words: tuple[str, ...]) -> None:
    told = onrecord(*words)
    assert told.code == 0
    assert "Usage:" in told.out


def test_a_dry_run_by_a_trunk_that_is_not_in_the_policy_says_so(config: Path) -> None:
    call = ("why", "--from", "100", "--to", "0205550123", "-c", config)
    assert onrecord(*call, "--trunk", "carrier1").err == ""
    assert "no [[trunk]] 'carrier2' (it has carrier1)" in onrecord(*call, "--trunk", "carrier2").err


def test_phone_lines_for_somebody_whom_the_policy_does_not_know_say_so(config: Path) -> None:
    assert onrecord("keys", "phone", "100", "-c", config).err == ""
    assert "no [[extension]] '999'" in onrecord("keys", "phone", "999", "-c", config).err


def test_codes_that_cannot_be_written_end_in_one_sentence(config: Path) -> None:
    told = onrecord("keys", "codes", "--write", config / "codes.conf", "-c", config)
    assert told.code == 2
    assert told.err == f"onrecord: {config / 'codes.conf'} cannot be written: Not a directory\n"


def test_the_note_on_the_cost_of_codes_says_where_its_answer_belongs(config: Path) -> None:
    told = onrecord("keys", "codes", "-c", config)
    assert told.code == 0
    assert "codes_cost_known = true into [keys]" in " ".join(told.err.split())


def test_a_draft_that_is_not_there_is_not_made_by_init(config: Path) -> None:
    told = onrecord("replay", "--policy", config.parent / "draft.toml", "-c", config)
    assert (told.code, told.err) == (2, f"onrecord: --policy {config.parent / 'draft.toml'}: there is no such file\n")


def test_a_controller_that_does_not_run_is_told_without_numbers_of_errors(config: Path) -> None:
    told = onrecord("call", "list", "-c", config)
    assert told.code == 3
    assert "(No such file or directory): start it with" in told.err
    assert "Errno" not in told.err


def test_an_extension_that_is_not_listed_is_to_be_added_by_its_number(config: Path) -> None:
    config.write_text(POLICY + '[[rule]]\nname = "it"\nextension = "reception"\nmode = "always"\n' + HOME)
    told = onrecord("list", "-c", config)
    assert told.code == 2
    assert 'add [[extension]] number = "reception"' in told.err
