"""The manager user's rights are enough for the driver, and no more."""

from __future__ import annotations

import re
from pathlib import Path

from controller.init import rights
from controller.pbx.asterisk.filters import HEARD

DRIVER = Path("controller/pbx/asterisk")


def test_each_action_that_the_driver_asks_for_is_in_the_table_of_rights() -> None:
    source = "".join(path.read_text() for path in DRIVER.glob("*.py"))
    asked = set(re.findall(r"(?:_act|ask|action|list)\(\s*\"([A-Z][A-Za-z]+)\"", source))
    assert {"MixMonitor", "Setvar", "Filter", "Status"} <= asked
    free = {"Ping", "BridgeList", "Challenge", "Login"}
    only_where_granted = {"Command"}
    assert asked - free - only_where_granted <= set(rights.ASKED)


def test_every_action_is_allowed_and_nothing_dangerous_is() -> None:
    granted = set(rights.writing())
    assert all(granted & set(classes) for classes in rights.ASKED.values())
    assert granted == {"system", "call"}
    assert not granted & set(rights.TOO_MUCH)


def test_every_event_that_the_driver_hears_is_in_a_class_that_is_read() -> None:
    assert {*HEARD, "VarSet"} <= set(rights.heard())
    assert rights.reading() == ("system", "call", "agent", "user", "dtmf", "dialplan")
    assert rights.reading(("Hangup", "DTMFEnd")) == ("call", "dtmf")


def test_what_a_user_lacks_and_what_is_too_much_is_seen_through_spaces_capitals_and_all() -> None:
    assert rights.lacking("System, call", ("system", "call")) == ()
    assert rights.lacking("call", ("system", "call")) == ("system",)
    assert rights.lacking("all", ("system",)) == ()
    assert rights.excess("system,call,Command,originate") == ("command", "originate")
    assert rights.excess("all") == ("all",)


def test_the_filters_let_every_event_of_the_driver_through() -> None:
    told = "\n".join(rights.filters())
    assert all(f"name({name})" in told for name in HEARD)
    assert "method(contains)) = ONRECORD" in told
