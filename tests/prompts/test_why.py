"""`onrecord why` tells what the regions of the parties ask for, and where the policy falls short of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from controller.cli import main

POLICY = """
[numbers]
country = "GB"
[[trunk]]
name = "carrier1"
[[extension]]
number = "100"
site = "lyon"
[[site]]
name = "lyon"
[[rule]]
name = "never 102"
extension = "102"
mode = "never"
grade = "never"
[[rule]]
name = "all"
extension = "*"
mode = "always"
announce_inbound = "opt-in"
announce_outbound = "notify"
announce_to = "both"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "onrecord.toml"
    path.write_text(POLICY, encoding="utf-8")
    return path


def why(config: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["why", "-c", str(config), *words])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def asked(config: Path, capsys: pytest.CaptureFixture[str], caller: str, to: str, *more: str) -> dict[str, object]:
    code, out, _ = why(config, capsys, "--from", caller, "--to", to, *more, "--json")
    assert code == 0
    found = json.loads(out)["regions"]
    return found and {
        "notice": found["notice"],
        "audience": found["audience"],
        "of": [each["code"] for each in found["regions"]],
    }


@pytest.mark.proves("F-060")
def test_the_strictest_of_house_and_outside_party_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trunk = ("--trunk", "carrier1")
    french = asked(config, capsys, "+33123456789", "101", *trunk)
    assert french == {"notice": "opt-out", "audience": "both", "of": ["gb", "fr"]}
    german = asked(config, capsys, "101", "004930123456", *trunk)
    assert german == {"notice": "opt-in", "audience": "both", "of": ["gb", "de"]}
    home = asked(config, capsys, "07700900123", "101", *trunk)
    assert home == {"notice": "notify", "audience": "both", "of": ["gb"]}
    withheld = asked(config, capsys, "anonymous", "101", *trunk)
    assert withheld == {"notice": "opt-in", "audience": "both", "of": ["gb", "unknown"]}
    assert asked(config, capsys, "101", "103") == home


def test_a_call_that_is_not_recorded_asks_nothing_of_anybody(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(config, capsys, "+33123456789", "102", "--trunk", "carrier1") is None


def test_a_site_is_where_regions_toml_says(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "regions.toml").write_text('[site]\nlyon = "fr"\n', encoding="utf-8")
    assert asked(config, capsys, "100", "103")["of"] == ["fr", "gb"]  # one phone there, and one in no site
    assert asked(config, capsys, "101", "103")["of"] == ["gb"]


def test_the_words_name_the_source_the_shortfall_and_that_it_is_no_advice(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = why(config, capsys, "--from", "101", "--to", "004930123456", "--trunk", "carrier1")
    plain = " ".join(out.split())
    assert "the regions of the parties ask for: opt-in, heard by everybody" in plain
    assert "StGB § 201 (DE)" in plain
    assert "no legal advice" in plain
    assert "beware: the policy announces notify, the regions ask for opt-in" in plain
    _, out, _ = why(config, capsys, "--from", "+4930123456", "--to", "101", "--trunk", "carrier1")
    assert "beware" not in out


def test_settings_left_to_the_regions_fall_short_of_nothing_and_are_named(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = POLICY.replace('announce_outbound = "notify"', 'announce_outbound = "region"\nbeep = "region"')
    config.write_text(left, encoding="utf-8")
    _, out, _ = why(config, capsys, "--from", "101", "--to", "004930123456", "--trunk", "carrier1")
    plain = " ".join(out.split())
    assert 'as the regions ask ("region" in the policy): announce_outbound, beep, beep_tone' in plain
    assert "regions: United Kingdom, Germany: opt-in, both" in plain
    assert "beware" not in plain


def test_a_regions_file_that_cannot_be_used_is_wrong_use(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "regions.toml").write_text('[site]\nlyon = "fx"\n', encoding="utf-8")
    code, _, err = why(config, capsys, "--from", "101", "--to", "103")
    assert code == 2
    assert "site.lyon: there is no region 'fx'" in err
