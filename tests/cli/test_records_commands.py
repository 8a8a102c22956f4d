"""`onrecord list`, `show`, `export`, `check`, `explain` and `replay` as processes: output, JSON, exit codes, bars."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from controller.catalogue.database import open_catalogue
from controller.core.decision import Decision, Mode, Regional
from controller.journal import Entry, Journal
from controller.lab.home import HOME
from controller.pipeline.line import Line
from controller.pipeline.verify import sha256
from controller.spool import Spool
from tests.cli.children import Ended, onrecord, onrecord_at_a_terminal
from tests.pipeline.recordings import conversation, leave, tone
from tests.playbook import Scene

CONFIG = f"""
[[rule]]
name = "it"
extension = "100"
mode = "always"
{HOME}"""
COUNT = 3
NOT = Decision(Mode.NEVER, "not recorded: no rule wants [extension 101]")
REGIONAL = Regional(("fr", "gb"), 180, ("EEA", "UK"))
SINCE = ("--since", "2026-01-01")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three kept recordings, and a call that was not recorded."""
    folder = tmp_path_factory.mktemp("office")
    (folder / "onrecord.toml").write_text(CONFIG)

    async def fill() -> None:
        catalogue = await open_catalogue(folder / "catalogue.sqlite")
        line = Line(Spool(folder / "spool"), catalogue, folder / "store", "", make_pool=None)
        work = asyncio.create_task(line.work())
        for n in range(1, COUNT + 1):
            name = f"main-1-{n}"
            segment = leave(folder / "monitor", name, 1, tone(400 + n, 1), tone(600, 1))
            told = conversation(segment, recording=name, call=f"main/1.{n}")
            line.finish(replace(told, decision=replace(told.decision, regional=REGIONAL)))
        line.finish(replace(conversation(recording=None, call="main/2.1", decision=NOT), queue="support"))
        await line.idle()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await catalogue.close()

    asyncio.run(fill())
    journal = Journal(folder / "journal")
    scene = Scene("main/1.1")
    scene.now = time.time() - 60
    journal.append(
        Entry(scene.now, scene.call, scene.appears("a", "100"), decision=Decision(Mode.ALWAYS, "it")), True
    )
    journal.append(Entry(scene.now, scene.call, scene.ends("a")), True)
    journal.close()
    return folder


@pytest.fixture
def site(whole: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(whole, tmp_path / "site"))


def run(folder: Path, *words: str | Path) -> Ended:
    return onrecord(*words, "--config", folder / "onrecord.toml")


def test_calls_are_listed_as_a_table_or_as_json_by_what_is_asked_for(whole: Path) -> None:
    shown = run(whole, "list", *SINCE)
    assert (shown.code, shown.err) == (0, "")
    assert all(text in shown.out for text in ("main-1-1", "main-1-3", "no rule wants [extension 101]"))
    everything = run(whole, "list", *SINCE, "--json").json
    assert {call["call"] for call in everything if call["recorded"]} == {"main/1.3", "main/1.2", "main/1.1"}
    (unrecorded,) = run(whole, "list", *SINCE, "--not-recorded", "--json").json
    assert unrecorded["why"] == NOT.reason
    assert [each["call"] for each in run(whole, "list", *SINCE, "--subject", "support", "--json").json] == [
        "main/2.1"
    ]
    assert run(whole, "list", "--json").json == []  # of the last seven days
    assert run(whole, "list", "--json", *SINCE, "--limit", "2").json == everything[:2]


def test_a_call_or_a_recording_is_shown_whole(whole: Path) -> None:
    for name in ("main/1.2", "main-1-2"):
        shown = run(whole, "show", name)
        assert (shown.code, shown.err) == (0, "")
        assert all(text in shown.out for text in ("main/1.2", "main-1-2", "kept", "sha256", "extension 100"))
        (story,) = run(whole, "show", name, "--json").json
        (recording,) = story["recordings"]
        assert "regions fr, gb: kept 180 days at most, within EEA and UK" in " ".join(shown.out.split())
        assert (recording["recording"]["retention_days"], recording["recording"]["residency"]) == (180, ["EEA", "UK"])
        beside = json.loads((whole / "store" / recording["recording"]["folder"] / "recording.json").read_text())
        assert beside["finished"]["decision"]["regional"]["regions"] == ["fr", "gb"]
        audio = whole / "store" / recording["recording"]["folder"] / "recording.wav"
        assert recording["recording"]["sha256"] == sha256(audio)
    missing = run(whole, "show", "main/9.9")
    assert (missing.code, missing.out) == (1, "")
    assert "onrecord list" in missing.err


def test_one_or_many_recordings_are_exported_and_never_twice(whole: Path, tmp_path: Path) -> None:
    one = run(whole, "export", "main-1-1", "--to", tmp_path / "one")
    assert (one.code, one.err) == (0, "")
    assert Path(one.out.strip()) == tmp_path / "one" / "main-1-1.wav"
    assert {path.suffix for path in (tmp_path / "one").iterdir()} == {".wav", ".json", ".png"}
    two = run(whole, "export", "main-1-1", "main/1.2", "--to", tmp_path / "two", "--json")
    assert [Path(each["audio"]).name for each in two.json] == ["main-1-1.wav", "main-1-2.wav"]
    many = run(whole, "export", *SINCE, "--to", tmp_path / "one")
    assert many.code == 1  # one is there already, and the others are not held back by it
    assert f"1 of {COUNT} could not be exported" in many.err
    assert "main-1-1.wav is there already" in many.err
    assert len(many.out.splitlines()) == COUNT - 1
    assert len(list((tmp_path / "one").glob("*.wav"))) == COUNT


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("export", "main/9.9"), 1, "no recording is called"),
        (("export", "main/2.1"), 1, "no recording is called"),
        (("export",), 2, "name recordings, or say which"),
        (("export", "main-1-1", "--since", "7d"), 2, "name recordings, or say which"),
        (("export", "--since", "soon"), 2, "'soon' is no time"),
        (("list", "--since", "yesterday"), 2, "'yesterday' is no time"),
        (("list", "--limit", "0"), 2, "limit"),
        (("show",), 2, "Usage:"),
        (("explain", "main/9.9"), 1, "no call 'main/9.9'"),
        (("replay", "--policy", "missing.toml"), 2, "missing.toml"),
    ],
)
def test_what_cannot_be_done_is_said_on_stderr_and_by_the_exit_code(
    whole: Path, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    more = ("--to", tmp_path) if words[0] == "export" else ()
    ended = run(whole, *words, *more)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_changed_recording_is_not_exported_and_the_others_are(site: Path, tmp_path: Path) -> None:
    (changed,) = (site / "store").rglob("main-1-2/recording.wav")
    changed.write_bytes(changed.read_bytes()[:-2] + b"xy")
    ended = run(site, "export", *SINCE, "--to", tmp_path / "to")
    assert ended.code == 1
    assert "is not what was stored" in ended.err
    assert sorted(path.name for path in (tmp_path / "to").glob("*.wav")) == ["main-1-1.wav", "main-1-3.wav"]


def test_check_finds_what_is_not_as_it_must_be(site: Path) -> None:
    fine = run(site, "check", "--full")
    assert (fine.code, fine.err) == (0, "")
    assert "everything is there, whole and known" in fine.out
    assert run(site, "check", "--json").json == []
    (changed,) = (site / "store").rglob("main-1-2/recording.wav")
    changed.write_bytes(changed.read_bytes()[:-2] + b"xy")
    (lost,) = (site / "store").rglob("main-1-3/recording.wav")
    lost.unlink()
    quick = run(site, "check", "--json")
    assert (quick.code, [each["kind"] for each in quick.json]) == (1, ["missing"])
    full = run(site, "check", "--full", "--json")
    assert (full.code, sorted(each["kind"] for each in full.json)) == (1, ["changed", "missing"])
    told = run(site, "check", "--full")
    assert told.code == 1
    assert "2 findings" in told.out


def test_without_a_catalogue_it_ends_with_3(tmp_path: Path) -> None:
    (tmp_path / "onrecord.toml").write_text(CONFIG)
    for words in (("list",), ("show", "main/1.1"), ("check", "--json"), ("export", *SINCE)):
        ended = run(tmp_path, *words)
        assert (ended.code, ended.out) == (3, "")
        assert "catalogue.sqlite" in ended.err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("export", *SINCE, "--to", "{to}"), "exporting"),
        (("check", "--full"), "checking recordings"),
        (("replay", "--policy", "{config}"), "replaying the journal"),
        (("explain", "main/1.1"), "reading the journal"),
    ],
)
def test_long_work_shows_a_bar_to_whoever_looks_and_to_nobody_else(
    whole: Path, tmp_path: Path, words: tuple[str, ...], what: str
) -> None:
    config = whole / "onrecord.toml"

    def filled(to: str) -> list[str]:
        return [*(word.format(to=tmp_path / to, config=config) for word in words), "--config", str(config)]

    seen = onrecord_at_a_terminal(*filled("seen"))
    assert seen.code == 0, seen
    assert what in seen.err
    assert "%" in seen.err
    assert what not in seen.out
    piped = onrecord(*filled("piped"))
    assert (piped.code, piped.err) == (0, "")
    assert piped.out.replace("piped", "seen") == seen.out
