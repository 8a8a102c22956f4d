"""Asterisk's .conf files, read as Asterisk reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.init.conf import Conf, NotReadable, folder, lines, read
from tests.init.offices import nobody

TRICKY = (
    "; before anything\n"
    "[base](!)\n"
    "read = call ; why\n"
    "write=system\\;x\n"
    ";-- a block\n[hidden]\nsecret = no\n--; \n"
    "[user](base)\n"
    "secret => s3;cret\n"
    "\tread = call,system\n"
    "[general](+)\n"
    "enabled = yes\n"
    ";--- only a comment\n"
    "port = 5039\n"
)


def parsed(folder: Path, text: str | bytes, name: str = "a.conf", **others: str) -> Conf:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    for other, content in others.items():
        path = folder / f"{other}.conf"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return read(folder, name)


def values(conf: Conf, section: str) -> dict[str, str]:
    found = conf.section(section)
    return {one.name: one.value for one in found.settings} if found else {}


def test_templates_additions_comments_and_both_signs_are_understood(tmp_path: Path) -> None:
    conf = parsed(tmp_path, "[general]\nenabled = no\n" + TRICKY)
    assert values(conf, "general") == {"enabled": "yes", "port": "5039"}
    assert values(conf, "user") == {"read": "call,system", "write": "system;x", "secret": "s3"}
    assert conf.section("hidden") is None
    assert conf.section("base") is None
    assert not conf.troubles


def test_a_setting_is_known_by_the_file_and_line_where_it_stands(tmp_path: Path) -> None:
    conf = parsed(tmp_path, '[one]\n#include "b.conf"\n', b="x = 1\n\ny = 2\n")
    section = conf.section("one")
    assert section is not None
    setting = section.get("y")
    assert setting is not None
    assert (setting.file.name, setting.line) == ("b.conf", 3)


def test_includes_are_followed_through_globs_quotes_and_the_pbxs_own_name_of_the_folder(tmp_path: Path) -> None:
    text = '#include "d/*.conf"\n#include </etc/asterisk/c.conf>\n#tryinclude none.conf\n'
    conf = parsed(tmp_path, text, **{"d/x": "[x]\na = 1\n", "d/y": "[y]\na = 2\n", "c": "[c]\na = 3\n"})
    assert [one.name for one in conf.sections] == ["x", "y", "c"]
    assert not conf.troubles


def test_an_include_of_a_file_that_is_not_there_is_a_trouble_with_its_line(tmp_path: Path) -> None:
    (trouble,) = parsed(tmp_path, '[general]\n#include "gone.conf"\n').troubles
    assert "a.conf:2" in trouble
    assert "gone.conf" in trouble


def test_a_file_that_includes_itself_ends(tmp_path: Path) -> None:
    conf = parsed(tmp_path, '[x]\na = 1\n#include "a.conf"\n')
    assert conf.notes
    assert len(conf.files) <= 11


@pytest.mark.parametrize(
    ("after", "safe"),
    [
        ("", True),
        ("[other]\n#include plain.conf\n", True),
        ("enabled = no\n", True),
        ("#include plain.conf\n", False),
        ("enabled = no\n#include plain.conf\n", False),
    ],
)
def test_a_section_may_be_put_into_an_included_folder_only_if_no_file_without_a_header_follows(
    tmp_path: Path, after: str, safe: bool
) -> None:
    conf = parsed(tmp_path, f'[general]\n#include "d/*.conf"\n{after}', **{"d/x": "[x]\n", "plain": "y = 1\n"})
    assert conf.includes[0].safe_end is safe


def test_odd_letters_byte_order_marks_and_dos_line_ends_do_no_harm(tmp_path: Path) -> None:
    conf = parsed(tmp_path, b"\xef\xbb\xbf[m\xfcller]\r\nname = J\xf6rg\r\n")
    (section,) = conf.sections
    assert section.name.encode("utf-8", "surrogateescape") == b"m\xfcller"
    assert section.value("name").encode("utf-8", "surrogateescape") == b"J\xf6rg"


def test_a_comment_that_is_never_closed_is_a_trouble(tmp_path: Path) -> None:
    (trouble,) = parsed(tmp_path, "[general]\n;-- once\n[x]\n").troubles
    assert "never closed" in trouble


def test_utf_16_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotReadable, match="UTF-8"):
        parsed(tmp_path, "[general]\n".encode("utf-16"))


def test_a_folder_that_is_none_of_asterisks_is_refused_with_a_remedy(tmp_path: Path) -> None:
    for path, word in ((tmp_path / "gone", "no such folder"), (tmp_path, "--asterisk DIR")):
        with pytest.raises(NotReadable, match=word):
            folder(path)
    (tmp_path / "file").touch()
    with pytest.raises(NotReadable, match="is a file"):
        folder(tmp_path / "file")


def test_a_file_that_may_not_be_read_says_sudo(tmp_path: Path) -> None:
    (tmp_path / "a.conf").touch(mode=0)
    with nobody(tmp_path), pytest.raises(NotReadable, match="sudo"):
        read(tmp_path, "a.conf")


@given(st.text(alphabet='[]()+!;-=>#include "\\\n\t*?ab\udcff', max_size=120))
def test_no_text_however_odd_stops_the_reader(text: str) -> None:
    for _number, line in lines(text)[0]:
        assert line == line.strip()
