"""A conversation made up for files of ours of which nobody knows the call: found by check, never thrown away."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from controller.core.commands import CallId, LegId, RecordingId
from controller.core.decision import Decision, Mode
from controller.core.finished import Finished, FinishedSegment
from controller.core.recording import Mark
from controller.pipeline.audio import Audio
from controller.pipeline.wav import Unreadable
from controller.spool import MonitorName, Sound, another_name, monitor_name

# Not unassigned: that could mean discarding it.
UNKNOWN = Decision(Mode.ALWAYS, "found in the PBX's folder; which call it was, nobody knows")


def unknown_call(pbx: str, found: Iterable[tuple[MonitorName, Path]]) -> Finished:
    """All segments of one recording; the times are those of the files. Raises OSError."""
    ordered = sorted(found, key=lambda one: one[0].segment)
    recording = ordered[0][0].recording
    segments = tuple(_segment(number, list(files)) for number, files in groupby(ordered, lambda one: one[0].segment))
    began, ended = min(one.started_at for one in segments), max(one.ended_at for one in segments)
    return Finished(
        call=CallId(f"{pbx}/adopted:{recording}"),
        pbx=pbx,
        began_at=began,
        ended_at=ended,
        decision=UNKNOWN,
        recording=recording,
        segments=segments,
        marks=(Mark("adopted", began, segments[0].number, note="found in the PBX's folder"),),
    )


def unheard_call(recording: str, files: Mapping[MonitorName, Path], discard: str) -> Finished:
    """A conversation for captures in memory of which nobody knows the call; `discard`: why they are not to be kept.
    When they began and ended is not known: the time is now."""
    now = time.time()
    by_number: dict[int, dict[Sound, str]] = {}
    for name, path in files.items():
        by_number.setdefault(name.segment, {})[name.sound] = str(path)
    segments = tuple(
        FinishedSegment(
            number=number,
            leg=LegId(""),
            started_at=now,
            ended_at=now,
            ended_by="unknown",
            mixed=paths.get(Sound.MIXED, ""),
            anchor=paths.get(Sound.ANCHOR, ""),
            others=paths.get(Sound.OTHERS, ""),
        )
        for number, paths in sorted(by_number.items())
    )
    call, pbx = CallId(f"unknown/adopted:{recording}"), recording.partition("-")[0]
    identity = RecordingId(recording)
    return Finished(call, pbx, now, now, UNKNOWN, recording=identity, segments=segments, discard=discard)


def with_strays(finished: Finished) -> Finished:
    """The conversation with every file that bears its recording's name: a start that was thought to have failed may
    have left sound behind all the same. Blocks. Raises OSError."""
    if finished.recording is None or not finished.segments:
        return finished
    known = {segment.number for segment in finished.segments}
    strays: list[tuple[MonitorName, Path]] = []
    for folder in {Path(segment.mixed).parent for segment in finished.segments if segment.mixed}:
        if folder.is_dir():
            named = ((monitor_name(path), path) for path in sorted(folder.glob(f"{finished.recording}.*")))
            strays += [(name, path) for name, path in named if name is not None and _is_stray(name, finished, known)]
    if not strays:
        return finished
    strays.sort(key=lambda one: one[0].segment)
    first = finished.segments[0]
    found = tuple(
        replace(_segment(number, list(files)), leg=first.leg, anchor_is=first.anchor_is, ended_by="never confirmed")
        for number, files in groupby(strays, lambda one: one[0].segment)
    )
    segments = tuple(sorted((*finished.segments, *found), key=lambda one: one.number))
    marks = tuple(Mark("adopted", one.started_at, one.number, note="the PBX had never confirmed it") for one in found)
    return replace(finished, segments=segments, marks=(*finished.marks, *marks))


def _is_stray(name: MonitorName, finished: Finished, known: Collection[int]) -> bool:
    return name.recording == finished.recording and name.segment not in known


def renamed(finished: Finished) -> Finished:
    """The same under a name that the catalogue does not know: its own is in use."""
    if finished.recording is None:
        return finished
    return replace(finished, recording=another_name(finished.recording))


def sounds(paths: Iterable[Path]) -> bool:
    """Whether there is any sound in these files, or anything that cannot be read. Raises OSError."""
    for path in paths:
        try:
            with Audio(path) as audio:
                if audio.frames:
                    return True
        except Unreadable:
            return True
    return False


def _segment(number: int, files: list[tuple[MonitorName, Path]]) -> FinishedSegment:
    paths = {name.sound: str(path) for name, path in files}
    ended = max(path.stat().st_mtime for _, path in files)
    return FinishedSegment(
        number=number,
        leg=LegId(""),
        started_at=ended - max(_seconds(path) for _, path in files),
        ended_at=ended,
        ended_by="unknown",
        mixed=paths.get(Sound.MIXED, ""),
        anchor=paths.get(Sound.ANCHOR, ""),
        others=paths.get(Sound.OTHERS, ""),
    )


def _seconds(path: Path) -> float:
    try:
        with Audio(path) as audio:
            return audio.frames / audio.rate
    except Unreadable:
        return 0.0
