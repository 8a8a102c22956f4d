"""Each command that a page shows is one that there is, with the options that it has."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer

from controller import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])


def commands(text: str) -> list[list[str]]:
    """The words behind `onrecord`, of each command in code: in fences, and between backticks."""
    fences = re.findall(r"^ *```[a-z]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL))
    lines = [line for fence in fences for line in fence.splitlines()] + spans
    found = [
        re.match(r"\s*(?:sudo |\.venv/bin/|/opt/onrecord/bin/)*onrecord ([a-z-]+(?: .*)?)$", line) for line in lines
    ]
    return [shlex.split(one[1].split(" #")[0].split(" | ")[0], comments=True) for one in found if one]


@pytest.fixture(scope="module")
def known() -> Any:
    """The group of all commands."""
    with suppress(SystemExit):
        cli.main(["--version"])  # puts them together
    return typer.main.get_command(cli.app)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_tells_to_type_can_be_typed(page: Path, known: Any) -> None:
    for words in commands(page.read_text()):
        command, rest = known, list(words)
        while hasattr(command, "commands") and rest and not rest[0].startswith(("-", "…")):
            assert rest[0] in command.commands, f"{page.name}: onrecord {' '.join(words)}"
            command = command.commands[rest.pop(0)]
        options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help", "-h"}
        for word in rest:
            if re.fullmatch(r"--?[a-z][a-z-]*", word):
                assert word in options, f"{page.name}: onrecord {' '.join(words)}: no option {word}"
