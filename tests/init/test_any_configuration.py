"""Whatever the PBX's files hold: init ends, adds at most a line to each, finds nothing to add then, and is undone."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.init.apply import apply, undo
from controller.init.conf import NotReadable
from controller.init.edits import is_our_name
from controller.init.plan import Plan, Wishes, make

SECTIONS = ("[general]", "[general](+)", "[onrecord]", "[100]", "[base](!)", "[200](base)", "[settings]", "[modules]")
SETTINGS = (
    *("enabled = yes", "enabled=no", "bindaddr = 192.0.2.1", "bindaddr=::", "port = 99999", "prefix = /a/"),
    *("read = all", "write = call", "secret = s3cret", "password = x", "autoload = yes", "type = endpoint"),
    *("callerid = J\udcf6rg <1", "exten => 1,1,ConfBridge(${EXTEN})"),
)
INCLUDES = ("onrecord_manager.conf", "manager.d/*.conf", "manager_custom.conf", "extensions_custom.conf")
OTHERS = ("#tryinclude gone.conf", "; words", ";-- open", "--;", "\x1b[31m", "", "=")
LINES = st.sampled_from((*SECTIONS, *SETTINGS, *(f'#include "{name}"' for name in INCLUDES), *OTHERS))
FILES = (
    "asterisk",
    "manager",
    "http",
    "ari",
    "extensions",
    "features",
    "pjsip",
    "queues",
    "manager_custom",
    "manager.d/one",
    "extensions_custom",
)


@st.composite
def folders(draw: st.DrawFn) -> dict[str, bytes]:
    """File name -> what is in it, with and without an end of line, in both ways of writing one."""
    found = {}
    for name in draw(st.sets(st.sampled_from(FILES), min_size=1)) | {"asterisk"}:
        end = draw(st.sampled_from(["\n", "\r\n"]))
        text = end.join(draw(st.lists(LINES, max_size=6))) + draw(st.sampled_from(["", end]))
        found[f"{name}.conf"] = text.encode("utf-8", "surrogateescape")
    return found


def contents(etc: Path) -> dict[str, bytes]:
    found = (path for path in etc.rglob("*") if path.is_file() and "onrecord-backup" not in path.parts)
    return {str(path.relative_to(etc)): path.read_bytes() for path in found}


def planned(etc: Path) -> Plan | None:
    try:
        return make(Wishes(etc, etc / "none" / "onrecord.toml"))
    except NotReadable:
        return None


@settings(max_examples=60, deadline=None)
@given(folders())
def test_what_is_added_is_a_line_at_most_is_found_again_and_can_be_taken_back(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        etc = Path(name)
        for file, data in files.items():
            (etc / file).parent.mkdir(exist_ok=True)
            (etc / file).write_bytes(data)
        plan = planned(etc)
        if plan is None or plan.troubles:
            return
        for edit in plan.edits:
            added = [line for line in edit.diff()[2:] if line.startswith("+")]
            gone = [line for line in edit.diff()[2:] if line.startswith("-")]
            assert is_our_name(edit.path) or (all("#include" in line for line in added) and not gone)
        apply(etc, plan.edits)
        again = planned(etc)
        assert again is not None
        # Passwords are new in every plan until they are in a file of the controller's.
        assert not [edit.path for edit in again.edits if "secret" not in edit.after.decode("utf-8", "replace")]
        undo(etc)
        assert contents(etc) == files
