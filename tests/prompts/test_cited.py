"""Evidence names the very recording that people heard."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

from controller.core.commands import LegId
from controller.core.consent import Standing
from controller.core.finished import Finished, FinishedConsent
from controller.prompts.cited import cited
from controller.prompts.keep import keep
from controller.prompts.manifest import SOUNDS
from controller.prompts.take import take
from tests.pipeline.recordings import conversation


def told(prompt: str) -> Finished:
    return replace(
        conversation(), consents=(FinishedConsent(LegId("main/a"), Standing.INFORMED, 1.0, prompt, "at the gate"),)
    )


def test_a_consent_cites_version_and_hash_of_its_prompt(tmp_path: Path) -> None:
    (consent,) = cited(told("opt-out (en)"), tmp_path).consents
    assert re.fullmatch(r"opt-out/en@[0-9a-f]{8}", consent.prompt)
    assert (consent.standing, consent.how) == (Standing.INFORMED, "at the gate")


def test_a_sites_own_recording_has_a_hash_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    shutil.copy(SOUNDS / "en" / "recorded.wav", tmp_path / "en" / "opt-out.wav")
    (ours,), (own,) = (
        cited(told("opt-out (en)"), tmp_path / "none").consents,
        cited(told("opt-out (en)"), tmp_path).consents,
    )
    assert own.prompt.startswith("opt-out/en@")
    assert own.prompt != ours.prompt


def test_the_second_recording_of_ones_own_is_cited_as_the_second(tmp_path: Path) -> None:
    cites = []
    for name in ("recorded", "opt-in"):
        keep(take(SOUNDS / "en" / f"{name}.wav"), tmp_path, "en", "opt-out", "Own words.")
        cites += [one.prompt for one in cited(told("opt-out (en)"), tmp_path).consents]
    assert [each.partition("@")[0] for each in cites] == ["opt-out/en.1", "opt-out/en.2"]
    assert cites[0][-8:] != cites[1][-8:]


def test_a_prompt_of_ones_own_that_we_have_none_of_is_cited_too(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    shutil.copy(SOUNDS / "en" / "recorded.wav", tmp_path / "en" / "sales-2.wav")
    (consent,) = cited(told("sales-2 (en)"), tmp_path).consents
    assert re.fullmatch(r"sales-2/en@[0-9a-f]{8}", consent.prompt)


def test_what_is_no_prompt_of_ours_stays_as_it_was_noted(tmp_path: Path) -> None:
    for noted in ("", "opt-out (xx)", "something else", "../../etc (en)"):
        (consent,) = cited(told(noted), tmp_path).consents
        assert consent.prompt == noted
