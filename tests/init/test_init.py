"""`onrecord init` on many kinds of configuration: what it shows, adds, refuses, and takes back."""

from __future__ import annotations

import os
import pwd
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.config.load import load
from controller.core.decision import Mode
from controller.core.policy import decide
from controller.init.apply import NotWritten, apply
from controller.init.conf import read
from controller.init.edits import Edit
from controller.init.plan import Wishes, make
from tests.core.situations import internal
from tests.init.offices import GENERAL, MANAGER, Office, nobody

Make = Callable[..., Office]
RIGHTS = "read = system,call,agent,user,dtmf,reporting,dialplan\nwrite = system,call\n"
FENCE = "deny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.1/255.255.255.255\n"


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Make:
    return lambda **files: Office(tmp_path, capsys, **files)


# -- looking -------------------------------------------------------------------------------------------------------


def test_nothing_at_all_is_written_without_apply(office: Make) -> None:
    here = office()
    before = here.files()
    told = here.init()
    assert told.code == 0
    assert told.json["changes"]
    assert here.files() == before
    assert not list(here.config.parent.iterdir())


def test_a_file_of_the_admins_changes_by_one_line(office: Make) -> None:
    here = office()
    for name in ("manager.conf", "http.conf", "ari.conf", "extensions.conf"):
        lines = here.init().change(name).splitlines()[2:]
        added = [line for line in lines if line.startswith("+")]
        assert all("#include" in line for line in added)
        assert len(added) == (1 if name != "extensions.conf" else len(added))
        assert not [line for line in lines if line.startswith("-")]


def test_the_managers_user_gets_the_least_rights_and_only_from_this_machine(office: Make) -> None:
    told = office().init().change("onrecord_manager.conf")
    assert "+read = system,call,agent,user,dtmf,dialplan\n" in told
    assert "+write = system,call\n" in told
    assert "+deny = 0.0.0.0/0.0.0.0" in told
    assert "+deny = ::/0" in told
    assert "+eventfilter(action(include),name(BridgeEnter)) =" in told
    assert not re.search(r"(?m)^\+(read|write) = .*\b(command|originate|config|all)\b", told)


def test_passwords_are_stars_also_those_of_others_around_our_lines(office: Make) -> None:
    here = office(manager=GENERAL + "[admin]\nread = all\nsecret = hunter2\n")
    shown = here.init(json=False).out
    assert "+secret = ********" in shown
    assert "Set(ONRECORD_PASSED=yes)" in shown  # no secret, though it begins like one
    assert " secret = ********" in here.init().change("manager.conf")
    for told in (here.init(), here.init(json=False), here.init("--apply"), here.init(json=False)):
        assert "hunter2" not in told.out + told.err
        if (here.config.parent / "ami.secret").exists():
            assert (here.config.parent / "ami.secret").read_text().strip() not in told.out + told.err


def test_passwords_are_shown_when_asked_for(office: Make) -> None:
    here = office()
    here.init("--apply")
    told = here.init("--user", "other", "--show-secrets", "--config", str(here.config.parent / "other.toml"))
    assert (here.config.parent / "ami.secret").read_text().strip() in told.out


def test_a_web_server_that_is_on_is_used_where_it_is_with_its_prefix(office: Make) -> None:
    here = office(http="[general]\nenabled=yes\nbindaddr=0.0.0.0\nbindport=8099\nprefix=pbx\n")
    told = here.init("--apply")
    assert not [one for one in told.json["changes"] if "http" in one["file"]]
    assert 'url = "http://127.0.0.1:8099/pbx"' in here.config.read_text()
    assert any("listens on" in note and "firewall" in note for note in told.json["notes"])


def test_a_web_server_or_manager_that_was_off_is_opened_to_this_machine_only(office: Make) -> None:
    here = office(
        manager="[general]\nenabled = no\nbindaddr = 0.0.0.0\n", http="[general]\nbindaddr = 0.0.0.0\nbindport = 80\n"
    )
    here.init("--apply")
    for name in ("manager.conf", "http.conf"):
        section = read(here.etc, name).section("general")
        assert section is not None
        assert section.value("enabled") == "yes"
        assert section.value("bindaddr") == "127.0.0.1"
    assert 'url = "http://127.0.0.1:80"' in here.config.read_text()


def test_the_address_and_port_where_the_manager_listens_go_into_the_starter_file(office: Make) -> None:
    here = office(manager="[general]\nenabled = yes\nport = 5099\nbindaddr = 192.0.2.7\n")
    told = here.init("--apply", "--show-secrets")
    config = load(here.config)
    assert (config.pbxs[0].host, config.pbxs[0].ami.port) == ("192.0.2.7", 5099)
    assert "permit = 192.0.2.7/255.255.255.255" in told.change("onrecord_manager.conf")


def test_a_folder_that_is_included_as_a_whole_takes_our_file_without_any_line(office: Make) -> None:
    here = office(manager=GENERAL + '#include "manager.d/*.conf"\n')
    here.write("manager.d/README.conf", "; nothing\n")
    told = here.init()
    names = {str(Path(one["file"]).relative_to(here.etc)) for one in told.json["changes"]}
    assert "manager.d/onrecord_manager.conf" in names
    assert "manager.conf" not in names


def test_our_section_never_swallows_settings_that_follow_an_include(office: Make) -> None:
    text = '[general]\n#include "manager.d/*.conf"\nenabled = yes\n#include manager_port.conf\n'
    here = office(manager=text, manager_port="port = 5077\n")
    here.write("manager.d/README.conf", "; nothing\n")
    here.init("--apply")
    whole = read(here.etc, "manager.conf")
    general, user = whole.section("general"), whole.section("onrecord")
    assert general is not None
    assert user is not None
    assert general.value("port") == "5077"
    assert user.get("port") is None


def test_where_a_tool_writes_manager_conf_the_line_goes_to_the_file_that_it_leaves_to_people(office: Make) -> None:
    here = office(
        manager=GENERAL + "#include manager_additional.conf\n#include manager_custom.conf\n",
        manager_additional="; written by a machine\n",
        manager_custom="; yours\n",
    )
    told = here.init("--apply")
    assert "#include" in told.change("manager_custom.conf")
    assert here.read("manager.conf") == GENERAL + "#include manager_additional.conf\n#include manager_custom.conf\n"
    assert here.init().json["changes"] == []


def test_logging_in_twice_is_allowed_where_the_manager_forbids_it(office: Make) -> None:
    assert "allowmultiplelogin = yes" in office(manager=GENERAL + "allowmultiplelogin = no\n").init().change(
        "onrecord_manager.conf"
    )


def test_missing_files_are_made(office: Make) -> None:
    here = office()
    for name in ("http.conf", "ari.conf", "manager.conf"):
        (here.etc / name).unlink()
    before = here.files()
    here.init("--apply")
    assert 'bindaddr = "' not in here.read("onrecord_http.conf")
    assert "[general]\n" in here.read("onrecord_manager.conf")
    assert here.init().json["changes"] == []
    here.init("--undo")
    assert here.files() == before


def test_old_letters_and_dos_line_ends_stay_as_they_are(office: Make) -> None:
    here = office(manager=b"[general]\r\nenabled = yes\r\n; J\xf6rg war hier\r\n[admin]\r\nsecret = x")
    told = here.init("--apply")
    data = (here.etc / "manager.conf").read_bytes()
    assert data.startswith(b"[general]\r\nenabled = yes\r\n; J\xf6rg war hier\r\n[admin]\r\nsecret = x\r\n#include ")
    assert data.endswith(b"\r\n")
    assert "\x1b" not in told.out
    here.init("--undo")
    assert (here.etc / "manager.conf").read_bytes() == data.partition(b"\r\n#include")[0]


def test_ari_and_the_dialplan_can_be_left_out(office: Make) -> None:
    here = office()
    told = here.init("--apply", "--without", "ari", "--without", "dialplan")
    names = {Path(one["file"]).name for one in told.json["changes"]}
    assert names == {"manager.conf", "onrecord_manager.conf"}
    assert load(here.config).pbxs[0].ari is None


# -- what is there already -----------------------------------------------------------------------------------------


def test_a_user_of_that_name_is_used_as_it_is_if_its_rights_do(office: Make) -> None:
    here = office(manager=MANAGER + f"[onrecord]\nsecret = theirs\n{RIGHTS}{FENCE}")
    told = here.init("--apply")
    assert told.code == 0
    assert not [one for one in told.json["changes"] if "manager" in one["file"]]
    assert load(here.config).pbxs[0].ami.secret.get_secret_value() == "theirs"


def test_a_user_that_lacks_a_right_is_never_changed_but_pointed_out_with_its_line(office: Make) -> None:
    here = office(manager=MANAGER + "[onrecord]\nsecret = x\nread = call\nwrite = call\n")
    before = here.files()
    told = here.init("--apply")
    assert told.code == 1
    assert any(
        "manager.conf:10" in one and "write = system" in one and "--user" in one for one in told.json["to_mend"]
    )
    assert "nothing was written" in told.err
    assert here.files() == before
    assert not list(here.config.parent.iterdir())
    assert here.init("--apply", "--user", "recorder").code == 0
    assert 'user = "recorder"' in here.config.read_text()


def test_a_user_that_may_too_much_or_come_from_anywhere_is_warned_of(office: Make) -> None:
    told = office(manager=f"{MANAGER}[onrecord]\nsecret = x\n{RIGHTS.strip()},command\n").init()
    notes = " ".join(told.json["notes"])
    assert "may command" in notes
    assert "from anywhere" in notes


def test_an_ari_user_that_may_only_read_or_whose_password_is_hashed_is_refused(office: Make) -> None:
    user = "[onrecord]\ntype = user\nread_only = yes\npassword = $6$abc\npassword_format = crypt\n"
    told = office(ari=f"[general]\nenabled = yes\n{user}").init()
    assert told.code == 1
    assert any("read_only" in one for one in told.json["to_mend"])
    assert any("password" in one and "ari.conf:3" in one for one in told.json["to_mend"])


def test_a_recorder_module_that_is_not_loaded_stops_and_one_of_ari_is_a_note(office: Make) -> None:
    told = office(modules="[modules]\nautoload = yes\nnoload = app_mixmonitor.so\nnoload => res_ari.so\n").init()
    assert told.code == 1
    assert any("modules.conf:3" in one and "app_mixmonitor" in one for one in told.json["to_mend"])
    assert any("modules.conf:4" in one and "res_ari" in one for one in told.json["notes"])


def test_an_include_of_nothing_must_be_mended_first(office: Make) -> None:
    told = office(manager=GENERAL + "#include gone.conf\n").init("--apply")
    assert told.code == 1
    assert any("manager.conf:5" in one for one in told.json["to_mend"])


def test_a_second_run_finds_nothing_to_add(office: Make) -> None:
    here = office()
    assert here.init("--apply").json["applied"]
    before = here.files()
    again = here.init("--apply")
    assert again.json["changes"] == []
    assert again.json["own_files"] == []
    assert here.files() == before
    assert "nothing to add" in here.init(json=False).out


def test_an_older_file_of_ours_is_brought_up_to_date_and_keeps_its_password(office: Make) -> None:
    here = office()
    here.init("--apply")
    file = here.etc / "onrecord_manager.conf"
    new = file.read_text()
    file.write_text(new.replace("write = system,call", "write = system"))
    for name in ("ami.secret", "ari.secret", "onrecord.toml"):
        (here.config.parent / name).unlink()
    told = here.init("--apply")
    assert [Path(one["file"]).name for one in told.json["changes"]] == ["onrecord_manager.conf"]
    assert file.read_text() == new


def test_a_copy_of_our_dialplan_that_the_admin_included_himself_stays_as_it_is(office: Make) -> None:
    here = office(extensions="#include onrecord_hints.conf\n", onrecord_hints="[onrecord-lamps]\n; mine\n")
    told = here.init()
    added = [line for one in told.json["changes"] for line in one["diff"] if line.startswith("+")]
    assert not [line for line in added if "onrecord_hints" in line or "onrecord-lamps" in line]
    assert any("onrecord_hints.conf is a copy of your own" in note for note in told.json["notes"])


# -- our own files -------------------------------------------------------------------------------------------------


def test_the_starter_file_loads_and_is_for_its_group_only(office: Make) -> None:
    here = office(pjsip="[100]\ntype=endpoint\nauth=a\n[out]\ntype=endpoint\noutbound_auth=b\n", queues="[sales]\n")
    here.init("--apply")
    config = load(here.config)
    assert config.warnings == ()
    assert [one.name for one in config.policy.roster.trunks] == ["out"]
    assert decide(config.policy, internal()).mode is Mode.ON_DEMAND
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in here.config.parent.iterdir()}
    assert modes == dict.fromkeys(("onrecord.toml", "ami.secret", "ari.secret"), 0o640)


def test_a_file_with_a_password_is_not_for_everybody_and_the_rest_keeps_its_mode(office: Make) -> None:
    here = office()
    (here.etc / "manager.conf").chmod(0o644)
    (here.etc / "extensions.conf").chmod(0o664)
    here.init("--apply")
    mode = {name: stat.S_IMODE((here.etc / name).stat().st_mode) for name in here.files()}
    assert mode["onrecord_manager.conf"] & 0o007 == 0
    assert mode["manager.conf"] == 0o644
    assert mode["extensions.conf"] == 0o664


def test_files_of_ours_belong_to_whom_the_file_belongs_that_names_them(office: Make) -> None:
    here = office()
    uid, gid = (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    for name in ("manager.conf", "ari.conf"):
        os.chown(here.etc / name, uid, gid)
        (here.etc / name).chmod(0o640)
    here.init("--apply")
    for name in ("manager.conf", "onrecord_manager.conf", "ari.conf", "onrecord_ari.conf"):
        found = (here.etc / name).stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (uid, gid, 0o640), name
    here.init("--undo")
    assert (here.etc / "manager.conf").stat().st_uid == uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_an_asterisk_that_read_its_files_as_anybody_may_read_ours_by_its_group(office: Make) -> None:
    here = office(asterisk="[options]\nrunuser = nobody\n")
    (here.etc / "manager.conf").chmod(0o644)
    here.init("--apply")
    found = (here.etc / "onrecord_manager.conf").stat()
    assert (found.st_uid, found.st_gid) == (0, pwd.getpwnam("nobody").pw_gid)
    assert stat.S_IMODE(found.st_mode) == 0o640


def test_an_existing_configuration_is_not_touched_and_what_it_lacks_is_proposed(office: Make) -> None:
    here = office(
        pjsip="[100]\ntype=endpoint\nauth=a\n[101]\ntype=endpoint\nauth=b\n[out]\ntype=endpoint\noutbound_auth=b\n"
    )
    text = (
        '[[extension]]\nnumber = "100"\n[[pbx]]\nname = "main"\n'
        'ami = { secret_file = "ami.secret" }\nari = { url = "http://127.0.0.1:8088", secret_file = "ari.secret" }\n'
    )
    here.config.write_text(text)
    told = here.init("--apply")
    assert told.code == 0
    assert here.config.read_text() == text
    assert '"101"' in told.json["proposed"]
    assert '"out"' in told.json["proposed"]
    assert '"100"' not in told.json["proposed"]
    # The passwords that it expected in files are made, and the PBX knows them.
    secret = (here.config.parent / "ami.secret").read_text().strip()
    assert f"secret = {secret}\n" in here.read("onrecord_manager.conf")
    assert load(here.config).pbxs[0].ami.secret.get_secret_value() == secret


def test_an_existing_configuration_whose_password_is_another_is_pointed_out(office: Make) -> None:
    here = office(manager=MANAGER + f"[onrecord]\nsecret = theirs\n{RIGHTS}{FENCE}")
    here.config.write_text('[[pbx]]\nname = "main"\nami = { secret = "mine" }\n')
    told = here.init()
    assert told.code == 1
    assert any("password of ami" in one for one in told.json["to_mend"])
    assert "theirs" not in told.out
    assert "mine" not in told.out


def test_a_phone_that_is_listed_under_another_number_is_not_proposed_again(office: Make) -> None:
    here = office(pjsip="[desk]\ntype=endpoint\nauth=a\n")
    people = '[[extension]]\nnumber = "100"\nendpoints = ["main/desk"]\n'
    here.config.write_text(people + '[[pbx]]\nname = "main"\nami = { secret = "mine" }\n')
    assert here.init().json["proposed"] == ""


def test_another_pbx_is_proposed_beside_the_one_that_is_configured(office: Make) -> None:
    here = office()
    here.config.write_text('[[pbx]]\nname = "main"\nami = { secret = "mine" }\n')
    told = here.init("--apply", "--pbx", "branch")
    assert 'name = "branch"' in told.json["proposed"]
    assert (here.config.parent / "branch-ami.secret").exists()


def test_a_configuration_with_a_mistake_is_to_be_mended_first(office: Make) -> None:
    here = office()
    here.config.write_text("[[pbx]]\nnme = 1\n")
    told = here.init("--apply")
    assert told.code == 2
    assert "onrecord.toml:2" in told.err
    assert here.init("--undo").code == 0


# -- undoing -------------------------------------------------------------------------------------------------------


def test_undo_after_two_runs_gives_the_bytes_from_before_the_first(office: Make) -> None:
    here = office(manager=MANAGER.rstrip("\n"))
    before = here.files()
    here.init("--apply")
    (here.config.parent / "ami.secret").write_text("another\n")
    assert [Path(one["file"]).name for one in here.init("--apply").json["changes"]] == ["onrecord_manager.conf"]
    told = here.init("--undo")
    assert told.code == 0
    assert "asterisk -rx 'module reload manager'" in told.out
    assert "asterisk -rx 'dialplan reload'" in told.out
    assert here.files() == before
    assert "nothing of OnRecord's" in here.init("--undo").out


def test_undo_takes_only_our_lines_out_of_a_file_that_somebody_changed_since(office: Make) -> None:
    here = office()
    here.init("--apply")
    changed = here.read("manager.conf").replace("hunter2", "hunter3") + "\n[new]\nsecret = y\n"
    here.write("manager.conf", changed)
    here.init("--undo")
    assert here.read("manager.conf") == MANAGER.replace("hunter2", "hunter3") + "\n[new]\nsecret = y\n"
    assert not list(here.etc.glob("onrecord_*.conf"))


def test_undo_works_without_its_backups_too(office: Make) -> None:
    here = office()
    before = here.files()
    here.init("--apply")
    backups = here.etc / "onrecord-backup"
    for file in sorted(backups.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    here.init("--undo")
    assert here.files() == before


def test_undo_keeps_a_copy_of_a_file_of_ours_that_somebody_changed(office: Make) -> None:
    here = office()
    here.init("--apply")
    file = here.etc / "onrecord_ari.conf"
    file.write_text(file.read_text() + "; mine\n")
    here.init("--undo")
    assert not file.exists()
    (copy,) = (here.etc / "onrecord-backup").rglob("onrecord_ari.conf.removed")
    assert copy.read_text().endswith("; mine\n")


def test_backups_are_for_the_owner_alone(office: Make) -> None:
    here = office()
    backup = Path(here.init("--apply").json["backup"])
    assert re.fullmatch(r"\d{8}T\d{6}Z(-\d+)?", backup.name)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700


def test_a_file_that_was_changed_between_looking_and_writing_is_not_overwritten(office: Make) -> None:
    here = office()
    plan = make(Wishes(here.etc, here.config))
    changed = here.write("manager.conf", MANAGER + "; meanwhile\n")
    with pytest.raises(NotWritten, match=r"manager\.conf was changed by somebody"):
        apply(here.etc, plan.edits)
    assert changed.read_text().endswith("; meanwhile\n")
    assert not list(here.etc.glob("onrecord*"))


def test_a_password_of_ours_is_stars_wherever_it_stands(tmp_path: Path) -> None:
    edit = Edit(tmp_path / "x", None, b"say s3cret to them\n", tmp_path, ("s3cret",))
    assert edit.diff()[-1] == "+say ******** to them"
    assert edit.diff(secrets_shown=True)[-1] == "+say s3cret to them"


# -- what cannot be done -------------------------------------------------------------------------------------------


def test_wrong_use_is_told_in_a_sentence(office: Make) -> None:
    here = office()
    for options, word in (
        (("--without", "sip"), "ari or dialplan"),
        (("--user", "a]b"), "letters"),
        (("--user", "general"), "general"),
        (("--pbx", "a/b"), "letters"),
        (("--apply", "--undo"), "choose one"),
        (("--spool-dir", "spool"), "whole path"),
        (("--asterisk", "/no/such/folder"), "no such folder"),
    ):
        told = here.init(*options)
        assert (told.code, word in told.err) == (2, True), (options, told.err)


def test_a_folder_that_may_not_be_written_says_sudo_and_leaves_nothing_behind(office: Make, tmp_path: Path) -> None:
    here = office()
    before = here.files()
    with nobody(tmp_path):
        told = here.init("--apply")
    assert told.code in (1, 2)
    assert "sudo" in told.err
    assert here.files() == before
