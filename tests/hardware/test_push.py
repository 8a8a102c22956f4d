"""XML for Yealink phones: always well-formed, on one line, small, and unharmed by Asterisk's own reading of it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware import push
from hardware.push import LARGEST, Colour, Glow, Led
from tests.hardware.capture import PUSHED
from tests.hardware.packets import capture


def through_asterisk(variables: list[str]) -> dict[str, list[str]]:
    """What Asterisk makes of `Variable` headers (main/manager.c, man_do_variable_value, read on 22): split at commas
    outside of quotes and brackets; quotes go, and a backslash goes but saves what follows it."""
    found: dict[str, list[str]] = {}
    for header in variables:
        name, _, value = header.partition("=")
        kept, quoted, depth, letters = "", False, 0, iter(value)
        for letter in letters:
            if letter == "\\":
                kept += next(letters, "")
            elif letter == '"':
                quoted = not quoted
            elif letter == "," and not quoted and not depth:
                break
            else:
                depth = max(0, depth + (letter in "([") - (letter in ")]"))
                kept += letter
        found.setdefault(name, []).append(kept)
    return found


@given(st.text(), st.text(), st.booleans())
def test_any_text_makes_well_formed_xml_on_one_line(title: str, text: str, beep: bool) -> None:
    for body in (push.status(text, title, beep=beep), push.text_screen(title, text, beep=beep)):
        ET.fromstring(body.encode())  # noqa: S314 - our own text
        assert not re.search(r"[\r\n\x00-\x1f]", body)
        assert len(body.encode()) < 1_000


@given(st.text(), st.text())
def test_asterisk_sends_what_we_made_whatever_is_in_it(title: str, text: str) -> None:
    for body in (push.status(text, title), push.text_screen(title, text)):
        assert through_asterisk(push.ami_variables(body))["Content"] == [body]


def test_a_real_asterisk_sent_the_bodies_that_we_make() -> None:
    """Long ones come with a line end between two tags, where Asterisk put the pieces together again."""
    sent = [
        one.payload.partition(b"\r\n\r\n") for one in capture("yealink_push") if one.payload.startswith(b"NOTIFY")
    ]
    bodies = [body.decode().replace("\r\n", "") for head, _, body in sent if b"\r\nEvent: Yealink-xml\r\n" in head]
    assert bodies == list(PUSHED)


@pytest.mark.parametrize(
    "text", ["", "recording", "<script>", "a & b", "\"quoted\", 'twice'", "ü€😀", "]]>", "&amp;"]
)
def test_the_phone_shows_the_text_that_was_meant(text: str) -> None:
    shown = ET.fromstring(push.status(text, "rec-100").encode()).findtext("Message")  # noqa: S314 - our own text
    assert shown == text


def test_what_xml_cannot_hold_becomes_a_question_mark_and_lines_become_spaces() -> None:
    assert push.escaped("a\x00b\x1bc\ud800d\ufffee\r\nf\tg", 100) == "a?b?c?d?e f g"


@given(st.text(), st.integers(0, 50))
def test_a_text_is_cut_without_cutting_an_escape_or_a_letter(text: str, most: int) -> None:
    cut = push.escaped(text, most)
    assert len(cut.encode()) <= most
    ET.fromstring(f"<t>{cut}</t>".encode())  # noqa: S314 - our own text


def test_a_status_line_is_taken_away_by_its_session() -> None:
    shown, gone = push.status("recording", "rec-100", beep=True, timeout_s=30), push.cleared("rec-100")
    assert 'SessionID="rec-100"' in shown
    assert 'SessionID="rec-100"' in gone
    assert 'Beep="yes" Timeout="30"' in shown
    assert "<Message></Message>" in gone


def test_lamps_are_named_as_the_phone_does() -> None:
    body = push.execute([Led("LINE3", Colour.RED, Glow.ON), Led("LINE4", Colour.GREEN, Glow.FAST)])
    assert '<ExecuteItem URI="Led:LINE3_RED=on"/><ExecuteItem URI="Led:LINE4_GREEN=fastflash"/>' in body


@pytest.mark.parametrize("name", ["", "line3", 'LINE3"', "LINE3=", "LINE3 ", "LINE3\n", "L" * 30])
def test_a_lamp_with_a_name_that_no_phone_has_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no lamp"):
        Led(name, Colour.RED, Glow.ON)


def test_a_body_beyond_the_phones_limit_is_refused() -> None:
    lamps = [Led(f"LINE{line}", Colour.ORANGE, Glow.SLOW) for line in range(400)]
    with pytest.raises(ValueError, match="fewer lamps"):
        push.execute(lamps)
    assert len(push.execute(lamps[:150]).encode()) < LARGEST


def test_a_long_body_is_spread_over_lines_that_ami_takes() -> None:
    body = push.execute([Led(f"LINE{line}", Colour.RED, Glow.FAST) for line in range(180)])
    variables = push.ami_variables(body)
    assert max(len(f"Variable: {one}\r\n".encode()) for one in variables) < 1_024
    assert "".join(through_asterisk(variables)["Content"]) == body
