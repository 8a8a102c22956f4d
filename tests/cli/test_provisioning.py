"""`onrecord keys`: what it prints is what the PBX takes and what a phone can be given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from controller.cli import main
from controller.pbx.asterisk.telephones import codes_file
from hardware import url_key
from hardware.keys import Key
from hardware.sequences import book

SECRET = "a secret of many letters"  # noqa: S105
CONFIG = """
[keys]
codes = { record = "*1", toggle = "*5" }
url_secret_file = "url.secret"
[[site]]
name = "paris"
codes = { toggle = "*7" }
[[extension]]
number = "100"
macs = "00:15:65:AA:BB:CC"
phone = "yealink"
[[extension]]
number = "101"
site = "paris"
[[rule]]
name = "all"
extension = "*"
mode = "on-demand"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "url.secret").write_text(SECRET + "\n")
    (tmp_path / "url.secret").chmod(0o600)
    (tmp_path / "onrecord.toml").write_text(CONFIG)
    return tmp_path / "onrecord.toml"


def keys(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["keys", *map(str, words)])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_codes_of_all_sites_are_one_file_and_their_cost_is_said(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = keys(capsys, "codes", "-c", file)
    assert code == 0
    assert out == codes_file([book({"*1": Key.RECORD, "*5": Key.TOGGLE, "*7": Key.TOGGLE})])
    assert "direct media" in err


def test_without_codes_it_says_how_to_get_some(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text('[[rule]]\nname = "all"\nextension = "*"\nmode = "on-demand"\n')
    code, _, err = keys(capsys, "codes", "-c", file)
    assert code == 2
    assert "[keys] codes" in err


def test_a_phones_lines_are_filled_in_and_its_url_is_one_that_we_accept(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = "http://10.0.0.5:8089/key"
    code, out, _ = keys(capsys, "phone", "100", "--base", base, "--json", "-c", file)
    assert code == 0
    parts = {part["what"]: part["lines"] for part in json.loads(out)["parts"]}
    assert "linekey.4.value = *5" in parts["Code as DTMF"]
    assert "linekey.5.value = rec-100" in parts["Lamp of a BLF key"]
    (line,) = [line for line in parts["URL Record"] if "http" in line]
    target = line.partition("http://10.0.0.5:8089")[2]
    press = url_key.read("GET", target, "Yealink SIP-T46G 28.80 00:15:65:aa:bb:cc", SECRET.encode())
    assert isinstance(press, url_key.UrlPress)
    assert (press.mac, press.key) == ("001565aabbcc", Key.TOGGLE)


def test_a_person_gets_the_codes_of_his_site_and_what_is_unknown_stays_open(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = keys(capsys, "phone", "101", "--family", "yealink", "-c", file)
    assert "linekey.4.value = *7" in out
    assert "linekey.3.value = {url}" in out


def test_an_unknown_family_is_refused_with_those_that_there_are(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = keys(capsys, "phone", "100", "--family", "snam", "-c", file)
    assert code == 2
    assert "snom" in err


def test_where_transfers_are_listened_for_it_says_what_becomes_of_the_talk_on_that_model(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = keys(capsys, "phone", "100", "--json", "-c", file)
    assert not any("transfer" in part["what"] for part in json.loads(out)["parts"])
    file.write_text(CONFIG.replace("[keys]\n", '[keys]\nhep = "127.0.0.1:9060"\n'))
    notes = {}
    for family in ("yealink", "grandstream"):
        _, out, _ = keys(capsys, "phone", "100", "--family", family, "--json", "-c", file)
        (part,) = [part for part in json.loads(out)["parts"] if part["what"] == "Blind transfer to *5"]
        notes[family] = part["note"]
    assert "is not known: try it first" in notes["yealink"]
    assert "The talk goes on" in notes["grandstream"]
