"""A language that the policy names is one that can be spoken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from controller.config.load import parse
from controller.config.problems import ConfigError
from controller.prompts.manifest import SOUNDS

RULE = '[[rule]]\nname = "it"\nextension = "100"\nmode = "always"\nannounce_inbound = "notify"\n'


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "pt", "nl", "zh"])
def test_the_languages_that_are_shipped_are_no_mistake(tmp_path: Path, language: str) -> None:
    config = parse(RULE + f'language = "{language}"\n', tmp_path / "onrecord.toml")
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (RULE + 'language = "sv"\n', 6),
        ('[defaults]\nlanguage = "sv"\n' + RULE, 2),
        ('[[site]]\nname = "lund"\nlanguage = "sv"\n' + RULE, 3),
    ],
)
def test_a_language_without_prompts_is_a_mistake_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, tmp_path / "onrecord.toml")
    (problem,) = error.value.problems
    assert problem.line == line
    assert "there are no prompts in 'sv'" in problem.what
    assert "onrecord prompt import FILE --language sv" in problem.what


def test_a_prompt_of_ones_own_that_is_not_beside_the_file_is_a_doubt(tmp_path: Path) -> None:
    rules = RULE + 'prompt_inbound = "sales-1"\nlanguage = "de"\n'
    (doubt,) = parse(rules, tmp_path / "onrecord.toml").warnings
    assert (doubt.line, "prompts/de/sales-1.wav" in doubt.what) == (6, True)
    (tmp_path / "prompts/de").mkdir(parents=True)
    shutil.copy(SOUNDS / "en/recorded.wav", tmp_path / "prompts/de/sales-1.wav")
    assert parse(rules, tmp_path / "onrecord.toml").warnings == ()


def test_own_recordings_make_a_language_of_it_and_what_is_still_missing_is_a_doubt(tmp_path: Path) -> None:
    (tmp_path / "prompts/sv").mkdir(parents=True)
    shutil.copy(SOUNDS / "en/recorded.wav", tmp_path / "prompts/sv/recorded.wav")
    config = parse(RULE + 'language = "sv"\n', tmp_path / "onrecord.toml")
    (doubt,) = config.warnings
    assert "in 'sv' there is no opt-out" in doubt.what
    for file in (SOUNDS / "en").glob("*.wav"):
        shutil.copy(file, tmp_path / "prompts/sv" / file.name)
    assert parse(RULE + 'language = "sv"\n', tmp_path / "onrecord.toml").warnings == ()
