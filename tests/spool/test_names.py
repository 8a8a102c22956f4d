"""Which files in the PBX's folder are ours, by their names."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.finished import is_recording_id
from controller.pbx.asterisk.mixmonitor import stem
from controller.spool import MonitorName, Sound, another_name, monitor_name

IDS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,60}", fullmatch=True)


@settings(deadline=None)
@given(IDS, st.integers(1, 99_999), st.sampled_from(Sound), st.sampled_from(["wav", "wav16", "sln", "alaw", "gsm"]))
def test_what_our_driver_names_is_known_again(recording: str, segment: int, sound: Sound, ending: str) -> None:
    path = Path("/monitor") / f"{stem(recording, segment)}{sound.value}.{ending}"  # type: ignore[arg-type]
    assert monitor_name(path) == MonitorName(recording, segment, sound)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        "out-100-200-20260101-1.mp3",
        "main-1-1.wav",
        "main-1-1.one.wav",
        ".x.1.wav",
        "a b.1.wav",
        "x.1-q.wav",
        "x.1.WAV",
    ],
)
def test_what_others_wrote_is_not_ours(name: str) -> None:
    assert monitor_name(Path("/monitor") / name) is None


@settings(deadline=None)
@given(st.text(max_size=40))
def test_only_harmless_names_are_recording_ids(text: str) -> None:
    harmless = bool(text) and text[0] not in ".-" and all(c.isascii() and (c.isalnum() or c in "._-") for c in text)
    assert is_recording_id(text) == harmless


@settings(deadline=None)
@given(IDS)
def test_another_name_is_safe_and_another(recording: str) -> None:
    name = another_name(recording)  # type: ignore[arg-type]
    assert name != recording
    assert is_recording_id(name)
