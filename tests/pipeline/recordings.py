"""Conversations for the tests of what happens behind their end: real WAV files, written by this file alone."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from controller.core.commands import CallId, LegId, RecordingId
from controller.core.decision import Decision, Mode, Options, Subject, SubjectKind
from controller.core.finished import AnchorIs, Finished, FinishedParty, FinishedSegment
from controller.core.recording import Mark
from controller.core.roster import Party

Samples = NDArray[np.int16]

RATE = 8000
BEGAN = 1_770_000_000.0
"""2026-02-02 02:40:00 UTC."""
ANN = Subject(SubjectKind.EXTENSION, "100")
RULE = Decision(Mode.ALWAYS, "rule sales: always", rule="sales", owners=(ANN,))


def tone(frequency: float, seconds: float, level: float = 0.3, rate: int = RATE) -> Samples:
    t = np.arange(round(seconds * rate)) / rate
    return (np.sin(2 * np.pi * frequency * t + 0.3) * level * 32767).astype(np.int16)


def quiet(seconds: float, rate: int = RATE) -> Samples:
    return np.zeros(round(seconds * rate), np.int16)


def wav(samples: Samples, rate: int = RATE, closed: bool = True) -> bytes:
    """As Asterisk writes it: 44 bytes, with lengths of 0 until it is closed."""
    data = samples.astype("<i2").tobytes()
    riff, size = (len(data) + 36, len(data)) if closed else (0, 0)
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
    return b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size) + data


def mix(one: Samples, other: Samples) -> Samples:
    return np.clip(one.astype(np.int32) + other, -32768, 32767).astype(np.int16)


def read(path: Path) -> tuple[Samples, int]:
    """Shape (frames, channels), and the rate; by the letter of the header, with no library."""
    data = path.read_bytes()
    assert data[:4] == b"RIFF"
    assert data[8:16] == b"WAVEfmt "
    assert struct.unpack("<I", data[4:8])[0] + 8 == len(data)
    _, channels, rate, _, _, bits = struct.unpack("<HHIIHH", data[20:36])
    assert bits == 16
    assert data[36:40] == b"data"
    assert struct.unpack("<I", data[40:44])[0] == len(data) - 44
    return np.frombuffer(data[44:], "<i2").reshape(-1, channels), rate


def leave(
    folder: Path,
    recording: str,
    number: int,
    anchor: Samples,
    others: Samples,
    *,
    started_at: float = BEGAN + 2,
    closed: bool = True,
    anchor_is: AnchorIs = AnchorIs.CUSTOMER,
    rate: int = RATE,
) -> FinishedSegment:
    """Write the three files of a segment where the PBX would, and tell about it."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{recording}.{number}"
    paths = {"": mix(anchor, others), "-r": anchor, "-t": others}
    for side, samples in paths.items():
        (folder / f"{stem}{side}.wav").write_bytes(wav(samples, rate, closed))
    return FinishedSegment(
        number=number,
        leg=LegId("main/1.1"),
        started_at=started_at,
        ended_at=started_at + len(anchor) / rate,
        ended_by="its leg hung up",
        mixed=str(folder / f"{stem}.wav"),
        anchor=str(folder / f"{stem}-r.wav"),
        others=str(folder / f"{stem}-t.wav"),
        anchor_is=anchor_is,
    )


def conversation(
    *segments: FinishedSegment,
    recording: str | None = "main-1-1",
    marks: tuple[Mark, ...] = (),
    decision: Decision = RULE,
    options: Options | None = None,
    discard: str = "",
    call: str = "main/1.1",
) -> Finished:
    ended = max((one.ended_at for one in segments), default=BEGAN + 10)
    return Finished(
        call=CallId(call),
        pbx="main",
        began_at=BEGAN,
        ended_at=ended,
        answered_at=BEGAN + 1.5,
        talked_at=BEGAN + 2,
        direction="inbound",
        dialled="0201234567",
        recording=RecordingId(recording) if recording is not None else None,
        decision=decision if options is None else replace(decision, options=options),
        owners=decision.owners,
        parties=(
            FinishedParty(LegId("main/1.1"), "carrier1", "+441632960123", "Ms Outside", party=Party.EXTERNAL),
            FinishedParty(LegId("main/1.2"), "100", "100", "Ann", party=Party.INTERNAL, subject=ANN),
        ),
        segments=segments,
        marks=marks,
        discard=discard,
    )
