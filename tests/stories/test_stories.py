"""Every story in this folder, played: it goes as the story says. `--rewrite-stories` writes what happens."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from tests.stories.sentences import DOES, NotAStory
from tests.stories.story import play, read

HERE = Path(__file__).parent
STORIES = sorted(HERE.glob("*.story"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_it_goes_as_the_story_says(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    told = path.read_text()
    played = play(told, tmp_path)
    if request.config.getoption("--rewrite-stories"):
        path.write_text(played)
        return
    if played != told:
        lines = difflib.unified_diff(told.splitlines(), played.splitlines(), "as told", "as played", lineterm="", n=4)
        hint = "review this; if it is right: pytest tests/stories --rewrite-stories"
        pytest.fail("\n".join(["", *lines, "", hint]), pytrace=False)


def test_every_sentence_is_used_by_some_story() -> None:
    lines = [step.line for path in STORIES for step in read(path.read_text())]
    unused = [pattern.pattern for pattern, _ in DOES if not any(pattern.fullmatch(line) for line in lines)]
    assert unused == []


ALWAYS = """
policy
    [[rule]]
    name = "all"
    extension = "*"
    mode = "always"

101 calls 102
102 answers
"""


def test_a_wrong_expectation_is_seen(tmp_path: Path) -> None:
    told = f"{ALWAYS}101 hangs up\n    > lists it, not recorded\n"
    played = play(told, tmp_path)
    assert played != told
    assert "> starts the recorder on 101\n" in played
    assert "lists it" not in played
    (tmp_path / "again").mkdir()
    assert play(played, tmp_path / "again") == played


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("101 sings", "line 10: nobody knows what this means: 101 sings"),
        ("103 hangs up", "line 10: 103 is on no call"),
        ("10 seconds pass", "the story ends before these calls do"),
        ("  > starts", "line 10: neither at the margin nor four in"),
    ],
)
def test_a_line_that_means_nothing_is_told_with_its_number(line: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(NotAStory, match=why):
        play(f"{ALWAYS}{line}\n", tmp_path)
