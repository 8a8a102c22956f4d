"""What a good file becomes: frozen, with its secrets at hand, its paths absolute, and its doubts told."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from pydantic import ValidationError

from controller.config import reference
from controller.config.load import Config, load, load_control, parse, restarts
from controller.config.problems import ConfigError
from controller.core.decision import Grade, Mode
from controller.core.grades import ForceAgainstNever, TieBreak
from controller.core.policy import QueueIsolation

PATH = Path("/etc/onrecord/onrecord.toml")
PBX = '[[pbx]]\nname = "main"\nami = { secret = "s3cret" }\n'


def loaded(text: str) -> Config:
    return parse(text, PATH)


def test_an_empty_file_is_a_policy_that_records_nothing() -> None:
    config = loaded("")
    assert config.policy.rules == ()
    assert config.policy.queue_isolation is QueueIsolation.STRICT
    assert config.policy.tie_break is TieBreak.RECORD
    assert config.policy.force_against_never is ForceAgainstNever.NEVER
    assert config.pbxs == ()
    assert config.ownership.catch_all == ""


def test_a_text_may_stand_for_a_list_of_one_and_lengths_of_time_may_have_units() -> None:
    config = loaded('[[rule]]\nname = "r"\nextension = "100"\nmode = "always"\nmax_length = "90 min"\ndelay = 2.5\n')
    (rule,) = config.policy.rules
    assert rule.settings.max_length == 5400.0
    assert rule.settings.delay == 2.5
    assert len(rule.selectors) == 1


@pytest.mark.parametrize("grade", ["no", "never"])
def test_a_no_needs_no_mode(grade: str) -> None:
    (rule,) = loaded(f'[[rule]]\nname = "r"\nextension = "100"\ngrade = "{grade}"\n').policy.rules
    assert rule.grade is Grade(grade)


def test_a_rule_may_inherit_its_mode_where_some_site_or_the_organisation_has_one() -> None:
    text = '[[site]]\nname = "s"\nmode = "always"\n[[rule]]\nname = "r"\nextension = "100"\n'
    assert loaded(text).policy.sites["s"].settings.mode is Mode.ALWAYS


def test_nothing_can_be_changed_after_loading() -> None:
    config = loaded(PBX)
    with pytest.raises(FrozenInstanceError):
        config.pbxs = ()  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        config.pbxs[0].name = "x"
    with pytest.raises(FrozenInstanceError):
        config.policy.rules = ()  # type: ignore[misc]


def test_relative_paths_start_at_the_files_folder() -> None:
    config = loaded('[spool]\nfolder = "spool"\n[store]\nfolder = "/srv/store"\n' + PBX + 'spool_dir = "m"\n')
    assert config.spool.folder == Path("/etc/onrecord/spool")
    assert config.store.folder == Path("/srv/store")
    assert config.pbxs[0].folder == Path("/etc/onrecord/m")
    assert loaded(PBX).pbxs[0].folder == Path("/var/spool/asterisk/monitor/onrecord")


def test_a_secret_may_come_from_the_file_another_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.secret").write_text("from-file\nand a comment\n")
    (tmp_path / "a.secret").chmod(0o640)
    monkeypatch.setenv("A_SECRET", "from-environment")
    for given, expected in (
        ('secret = "here"', "here"),
        ('secret_file = "a.secret"', "from-file"),
        ('secret_env = "A_SECRET"', "from-environment"),
    ):
        file = tmp_path / "onrecord.toml"
        file.write_text(f'[[pbx]]\nname = "main"\nami = {{ {given} }}\n')
        config = load(file)
        assert config.pbxs[0].ami.secret.get_secret_value() == expected
        assert expected not in repr(config)
        assert config.warnings == ()


def test_a_secret_that_everybody_can_read_is_doubted(tmp_path: Path) -> None:
    (tmp_path / "a.secret").write_text("x\n")
    (tmp_path / "a.secret").chmod(0o644)
    (tmp_path / "onrecord.toml").write_text('[[pbx]]\nname = "main"\nami = { secret_file = "a.secret" }\n')
    (warning,) = load(tmp_path / "onrecord.toml").warnings
    assert warning.line == 3
    assert "chmod 640" in warning.what


@pytest.mark.parametrize("place", ["[keys]\n", '[[site]]\nname = "london"\n'])
def test_whoever_switches_codes_on_is_told_what_they_cost_until_he_says_that_he_knows(place: str) -> None:
    text = f'{place}codes = {{ toggle = "*1" }}\n'
    (warning,) = loaded(text).warnings
    assert warning.line == text.count("\n")
    assert "direct media" in warning.what
    assert "%" in warning.what  # and how much that was, when it was measured
    known = "codes_cost_known = true\n"
    assert loaded(text + known if "keys" in place else text + "[keys]\n" + known).warnings == ()
    assert loaded("[keys]\nrecord_key = true\n").warnings == ()


def test_a_rule_that_can_never_speak_is_doubted() -> None:
    def rule(name: str, extension: str, more: str = "") -> str:
        return f'[[rule]]\nname = "{name}"\nextension = {extension}\nmode = "always"\n{more}\n'

    assert loaded(rule("a", '"100"') + rule("b", '"101"')).warnings == ()
    assert loaded(rule("a", '"*"', 'when = { direction = "inbound" }') + rule("b", '"100"')).warnings == ()
    (warning,) = loaded(rule("a", '"*"') + rule("b", '["100", "101"]')).warnings
    assert warning.line == 6
    assert warning.what == "it never speaks: 'a' above names the same, without conditions"


def test_the_attributes_that_rules_ask_for_are_known_to_the_driver() -> None:
    text = '[[rule]]\nname = "r"\nextension = "1"\nmode = "always"\nwhen = { not = { attribute = { VIP = "x" } } }\n'
    assert loaded(text).attributes == ("group", "kind", "vip")


def test_a_change_of_rules_needs_no_restart_a_change_of_machinery_does_and_no_secret_is_told() -> None:
    old = loaded(PBX + "[log]\nlevel = 'info'\n")
    rules = loaded(PBX + '[[rule]]\nname = "r"\nextension = "1"\nmode = "always"\n')
    assert restarts(old, rules) == ()
    moved = loaded(PBX.replace("s3cret", "other") + 'host = "192.0.2.1"\n[spool]\nfolder = "/x"\n')
    assert restarts(old, moved) == ("PBX 'main' was changed (host, ami)", "[spool] folder was changed")
    other = loaded(PBX.replace("main", "branch"))
    assert restarts(old, other) == ("PBX 'branch' was added", "PBX 'main' was removed")


def test_the_reference_page_is_current() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), (
        "run `python -m controller.config.reference`"
    )


def test_every_key_of_the_file_is_described() -> None:
    page = reference.page()
    assert "| None |" not in page
    assert "number pattern |  |  |" not in page


def test_a_file_with_a_byte_order_mark_loads(tmp_path: Path) -> None:
    (tmp_path / "onrecord.toml").write_bytes(b"\xef\xbb\xbf[organisation]\r\nname = 'x'\r\n")
    assert load(tmp_path / "onrecord.toml").policy.rules == ()


def test_who_controls_live_calls_needs_neither_right_rules_nor_the_pbxs_passwords(tmp_path: Path) -> None:
    path = tmp_path / "onrecord.toml"
    path.write_text(
        '[control]\nsocket = "here.sock"\n[[rule]]\nname = "half written"\nmode = "alwais"\n'
        '[[pbx]]\nname = "main"\nami = { secret_file = "unreadable" }\n'
    )
    assert load_control(path).socket == tmp_path / "here.sock"
    path.write_text("[organisation]\n")
    assert load_control(path).socket == Path("/run/onrecord/control.sock")
    path.write_text("[control]\nsockett = 1\n")
    with pytest.raises(ConfigError, match=r"onrecord\.toml:2: control\.sockett"):
        load_control(path)
    path.write_text("[control\n")
    with pytest.raises(ConfigError, match=r"onrecord\.toml:1:"):
        load_control(path)
    with pytest.raises(ConfigError, match="no such file"):
        load_control(tmp_path / "missing.toml")


def test_who_only_asks_the_policy_needs_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy is asked before there is any password, and by people who may read none."""
    monkeypatch.delenv("NO_SUCH_SECRET", raising=False)
    text = """
[keys]
url_secret_file = "missing.secret"
[[pbx]]
name = "main"
ami = { secret_file = "missing.secret" }
ari = { url = "http://127.0.0.1:8088", secret_env = "NO_SUCH_SECRET" }
"""
    (tmp_path / "onrecord.toml").write_text(text)
    asked = load(tmp_path / "onrecord.toml", secrets=False)
    assert (asked.pbxs[0].name, asked.pbxs[0].ami.secret.get_secret_value()) == ("main", "")
    with pytest.raises(ConfigError, match=r"missing\.secret cannot be read"):
        load(tmp_path / "onrecord.toml")
    nowhere = text.replace('secret_file = "missing.secret" }', "port = 5038 }")
    with pytest.raises(ConfigError, match="give its password by one of"):
        parse(nowhere, tmp_path / "onrecord.toml", secrets=False)
