"""`onrecord call …` as an operator types it: processes that reach a running controller by its socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from controller.core.commands import Pause, Resume, Start, Stop
from controller.core.recording import State
from tests.cli.children import Ended, onrecord
from tests.control.office import Office
from tests.engine.test_engine import talking
from tests.playbook import Scene

RULES = """
[numbers]
helplines = ["116123"]
[[rule]]
name = "people may [record]"
extension = "100"
mode = "on-demand"
"""
# Whoever is on the second call, no rule wants it; the third is a helpline's.
OTHERS = ("main/2.1", "main/3.1")


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    other, hidden = Scene("main/2.1"), Scene("main/3.1")
    happened = [
        *talking(Scene("main/1.1")),
        other.appears("c", "102", dialled="103"),
        other.appears("d", "103", originating=False),
        *(other.answers("d"), other.joins("c", "x"), other.joins("d", "x")),
        *(hidden.appears("e", "104", dialled="116123"), hidden.answers("e")),
    ]
    with TemporaryDirectory(prefix="calls-") as folder:
        (Path(folder) / "onrecord.toml").write_text(RULES + '[control]\nsocket = "control.sock"\n')
        with Office(Path(folder), RULES, happened) as made:
            yield made


def call(office: Office, *words: str) -> Ended:
    return onrecord("call", *words, "--config", office.folder / "onrecord.toml")


def test_live_calls_are_listed_with_their_state_and_why(office: Office) -> None:
    shown = call(office, "list")
    assert (shown.code, shown.err) == (0, "")
    assert "2 live calls" in shown.out
    assert all(text in shown.out for text in ("main/1.1", "main/2.1", "100 — 101", "102 — 103", "[record]"))
    assert "116123" not in shown.out
    listed = call(office, "list", "--json")
    assert (listed.code, listed.err) == (0, "")
    first, second = sorted(listed.json, key=lambda each: str(each["call"]))
    assert (first["state"], first["wanted"], first["decision"]["mode"]) == ("off", "off", "on-demand")
    assert second["decision"]["mode"] == "never"
    assert [party["endpoint"] for party in second["parties"]] == ["102", "103"]


def test_start_pause_resume_and_stop_do_what_they_say_and_say_what_they_did(office: Office) -> None:
    asked = office.desk.paper.asked
    before = len(asked)
    for do, state, command in (
        ("start", "on", Start),
        ("pause", "paused", Pause),
        ("resume", "on", Resume),
        ("stop", "off", Stop),
    ):
        done = call(office, do, "100")
        assert (done.code, done.err) == (0, "")
        assert done.out.strip() == f"main/1.1: recording is {state}"
        assert isinstance(asked[-1], command)
        assert [each.value for each in office.states] == [state]
        again = call(office, do, "main/1.1", "--json")  # asking for what is already so is no mistake
        assert (again.code, again.json["ok"], again.json["state"]) == (0, True, state)
    assert len(asked) == before + 4
    (session,) = [each for each in office.desk.engine.sessions.values() if each.recording]
    assert session.recording is not None
    keys = [mark for mark in session.recording.marks if mark.kind == "key"]
    assert all(mark.by.startswith("operator ") for mark in keys)


@pytest.mark.parametrize(
    ("do", "which", "why"),
    [
        ("start", "102", "no rule wants"),
        ("start", "999", "no live call is or has '999'"),
        ("stop", "1", "no live call is or has '1'"),  # which every id has in it
        ("pause", "main/", "fits 2 calls"),
        ("start", "main/3.1", "no live call"),  # a helpline's call is no call that anybody can see
        ("stop", "$(id)\x1b[2J[red]", "no live call"),
    ],
)
def test_a_refusal_says_why_on_stderr_and_ends_with_1(office: Office, do: str, which: str, why: str) -> None:
    before = len(office.desk.paper.asked)
    refused = call(office, do, which)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(f"onrecord: {do} refused: ")
    assert why in refused.err
    assert "\x1b" not in refused.err
    plain = call(office, do, which, "--json")
    assert (plain.code, plain.json["ok"]) == (1, False)
    assert why in plain.json["why"]
    assert len(office.desk.paper.asked) == before
    assert all(state is State.OFF for state in office.states)


def test_wrong_use_ends_with_2_and_says_what_is_right(tmp_path: Path) -> None:
    assert onrecord("call", "pause").code == 2
    assert onrecord("call", "erase", "100").code == 2
    missing = onrecord("call", "list", "--config", tmp_path / "missing.toml")
    assert missing.code == 2
    assert "missing.toml" in missing.err
    broken = tmp_path / "broken.toml"
    broken.write_text("[control\n")
    assert "broken.toml:1:" in onrecord("call", "list", "--config", broken).err


def test_without_a_controller_it_ends_with_3_and_says_how_to_start_one(tmp_path: Path) -> None:
    config = tmp_path / "onrecord.toml"
    config.write_text('[control]\nsocket = "nobody.sock"\n')
    for words in (("list",), ("stop", "100", "--json")):
        ended = onrecord("call", *words, "--config", config)
        assert (ended.code, ended.out) == (3, "")
        assert "onrecord run" in ended.err
