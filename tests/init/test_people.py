"""Who is found in pjsip.conf, its wizard, queues.conf and the dialplan."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.init.people import People, look

PJSIP = """
[phone](!)
type = endpoint
context = from-phones
[trunk](!)
type = endpoint
[login](!)
type = auth
auth_type = userpass

[100](phone)
auth = 100
aors = 100
callerid = Alice Example <100>
[100](login)
username = 100
[100]
type = aor
max_contacts = 1

[bob-desk](phone)
auth = bob-desk
aors = bob-desk
callerid = "Bob Example" <101>
[bob-desk]
type = aor
max_contacts = 2

[registers](trunk)
outbound_auth = account
[account]
type = auth
[line1]
type = registration
outbound_auth = account
server_uri = sip:example.net

[line-only](trunk)
[r2]
type = registration
endpoint = line-only

[logs-in](trunk)
outbound_auth = other

[by-address](trunk)
aors = by-address
[by-address-identify]
type = identify
endpoint = by-address
match = 192.0.2.1

[fixed](trunk)
aors = fixed
[fixed]
type = aor
contact = sip:192.0.2.2
"""


def found(folder: Path, **files: str | bytes) -> People:
    for name, text in files.items():
        (folder / f"{name}.conf").write_bytes(text if isinstance(text, bytes) else text.encode())
    return look(folder, "/etc/asterisk")


def test_what_registers_logs_in_or_is_known_by_address_is_a_trunk_and_says_why(tmp_path: Path) -> None:
    people = found(tmp_path, pjsip=PJSIP)
    why = {one.name: one.because for one in people.trunks}
    assert set(why) == {"registers", "line-only", "logs-in", "by-address", "fixed"}
    assert "registers with a carrier" in why["registers"]
    assert "registers with a carrier" in why["line-only"]
    assert "outbound_auth" in why["logs-in"]
    assert "pjsip.conf:" in why["by-address"]
    assert "fixed address" in why["fixed"]


def test_the_rest_are_people_with_the_number_and_name_that_they_show(tmp_path: Path) -> None:
    people = found(tmp_path, pjsip=PJSIP)
    assert [(one.endpoint, one.number, one.name) for one in people.extensions] == [
        ("100", "100", "Alice Example"),
        ("bob-desk", "101", "Bob Example"),
    ]


def test_templates_are_nobody(tmp_path: Path) -> None:
    people = found(tmp_path, pjsip=PJSIP)
    everybody = {one.name for one in people.trunks} | {one.endpoint for one in people.extensions}
    assert not everybody & {"phone", "trunk", "login"}


def test_phones_that_all_show_the_companys_number_go_by_their_own_names(tmp_path: Path) -> None:
    text = "".join(f"[{name}]\ntype = endpoint\nauth = x\ncallerid = Acme <0205550000>\n" for name in ("ann", "ben"))
    people = found(tmp_path, pjsip=text)
    assert [(one.endpoint, one.number) for one in people.extensions] == [("ann", "ann"), ("ben", "ben")]


def test_whoever_comes_in_unknown_is_outside(tmp_path: Path) -> None:
    people = found(tmp_path, pjsip="[anonymous]\ntype = endpoint\ncontext = public\n")
    assert [one.name for one in people.trunks] == ["anonymous"]
    assert people.extensions == ()


@pytest.mark.parametrize(
    ("settings", "is_trunk"),
    [
        ("sends_registrations = yes\nremote_hosts = sip.example.net\n", True),
        ("remote_hosts = 192.0.2.9\n", True),
        ("sends_auth = yes\noutbound_auth/username = x\n", True),
        ("accepts_registrations = yes\naccepts_auth = yes\nendpoint/callerid = Carol <102>\n", False),
    ],
)
def test_the_wizards_objects_are_told_apart_too(tmp_path: Path, settings: str, is_trunk: bool) -> None:
    people = found(tmp_path, pjsip_wizard=f"[base](!)\ntype = wizard\n[it](base)\n{settings}")
    assert bool(people.trunks) is is_trunk
    assert bool(people.extensions) is not is_trunk
    if not is_trunk:
        assert (people.extensions[0].number, people.extensions[0].name) == ("102", "Carol")


def test_queues_and_rooms_with_a_name_of_their_own_are_found(tmp_path: Path) -> None:
    dialplan = (
        "[rooms]\nexten => 800,1,ConfBridge(${EXTEN})\nexten => 801,1,Answer()\n same => n,ConfBridge(board,b,u)\n"
        "exten => _8XX,1,ConfBridge(${EXTEN})\n same => n,ConfBridge(${ROOM})\n"
    )
    queues = "[general]\nautofill = yes\n[base](!)\nretry = 1\n[sales](base)\n[support]\n"
    people = found(tmp_path, queues=queues, extensions=dialplan)
    assert people.queues == ("sales", "support")
    assert people.conferences == ("800", "board")


def test_endpoints_that_are_in_a_database_are_said_to_be_missing(tmp_path: Path) -> None:
    people = found(
        tmp_path,
        sorcery="[res_pjsip]\nendpoint = realtime,ps_endpoints\n",
        extconfig="[settings]\nqueues => odbc,asterisk\n",
    )
    assert any("sorcery.conf:2" in note and "trunks" in note for note in people.notes)
    assert any("extconfig.conf:2" in note for note in people.notes)


def test_names_from_before_utf_8_are_read_and_nothing_reaches_the_terminal(tmp_path: Path) -> None:
    people = found(tmp_path, pjsip=b"[100]\ntype=endpoint\nauth=x\ncallerid=J\xf6rg\x1b[31m M\xfcller <100>\n")
    assert people.extensions[0].name == "Jörg[31m Müller"
