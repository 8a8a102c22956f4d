"""Where packages come from is read from the machine, in both of apt's ways of writing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.lab import mirror
from controller.lab.mirror import Source

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
  https://second.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/a.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 abc

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""


def test_a_deb822_file_gives_each_address_and_leaves_out_what_is_off() -> None:
    suites = ("bookworm", "bookworm-updates")
    assert list(mirror.deb822(DEB822)) == [
        Source("http://mirror.example/debian", suites, ("main", "contrib"), "/usr/share/keyrings/a.gpg"),
        Source("https://second.example/debian", suites, ("main", "contrib"), "/usr/share/keyrings/a.gpg"),
        Source("http://mirror.example/debian-security", ("bookworm-security",), ("main",)),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("deb http://m.example/debian bookworm main", [Source("http://m.example/debian", ("bookworm",), ("main",))]),
        (
            "deb [arch=amd64 signed-by=/k.gpg] http://m.example/debian bookworm main contrib # ours",
            [Source("http://m.example/debian", ("bookworm",), ("main", "contrib"), "/k.gpg")],
        ),
        ("deb http://m.example/flat ./", [Source("http://m.example/flat", ("./",), ())]),
        ("deb-src http://m.example/debian bookworm main", []),
        ("# deb http://m.example/debian bookworm main", []),
        ("deb http://half.example", []),
        ("deb", []),
        ("", []),
    ],
)
def test_a_line_of_a_sources_list_is_read(line: str, expected: list[Source]) -> None:
    assert list(mirror.one_line(line)) == expected


def test_the_machines_own_release_is_chosen_and_neither_security_nor_a_stranger(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://stranger.example/apt bookworm contrib\n")
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    (tmp_path / "sources.list.d" / "old.list.save").write_text("deb http://saved.example/debian bookworm main\n")
    found = mirror.debian(mirror.sources(tmp_path), "bookworm")
    assert found is not None
    assert found.uri == "http://mirror.example/debian"
    assert mirror.debian(mirror.sources(tmp_path), "trixie") is None


def test_a_machine_without_apt_has_no_sources(tmp_path: Path) -> None:
    assert mirror.sources(tmp_path / "none") == []
