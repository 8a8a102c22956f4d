"""Copies of a recording for somebody: audio, picture, and all that is known of it as JSON, checked on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from controller import disk
from controller.catalogue.entries import RecordingEntry, Status
from controller.core.finished import Part
from controller.pipeline.task import AUDIO_NAME, PICTURE_NAME, STORY_NAME
from controller.pipeline.verify import sha256


class NotExported(Exception):
    """It cannot be exported; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The files that were made; `picture` None where there was none."""

    audio: Path
    story: Path
    picture: Path | None


def export(recording: RecordingEntry, store: Path, to: Path, consultations: bool = False) -> Exported:
    """Copy a recording into the folder `to` as `<id>.wav`, `.png` and `.json`. Blocks.

    A consultation is only exported where `consultations` says so: its people did not speak for the other side's ears.

    The copy's hash is compared with the catalogue's. Nothing is overwritten. Raises NotExported, OSError.
    """
    if recording.status is not Status.KEPT:
        raise NotExported(f"{recording.id} is {recording.status.value}: {recording.why or 'not finished yet'}")
    if recording.part == Part.CONSULTATION.value and not consultations:
        raise NotExported(f"{recording.id} is a consultation, which is for few ears: add --consultations")
    source = store / recording.folder
    if not (source / AUDIO_NAME).exists():
        raise NotExported(f"{source / AUDIO_NAME} is not there: run `onrecord check`")
    to.mkdir(parents=True, exist_ok=True)
    audio = _copy(source / AUDIO_NAME, to / f"{recording.id}.wav", recording.sha256)
    story = _copy(source / STORY_NAME, to / f"{recording.id}.json")
    picture = source / PICTURE_NAME
    return Exported(audio, story, _copy(picture, to / f"{recording.id}.png") if picture.exists() else None)


def _copy(source: Path, target: Path, digest: str = "") -> Path:
    if target.exists():
        raise NotExported(f"{target} is there already")
    part = target.with_name(target.name + disk.PART)
    disk.copy(source, part)
    if digest and sha256(part) != digest:
        part.unlink()
        raise NotExported(f"{source} is not what was stored: run `onrecord check --full`")
    disk.keep(part, target)
    return target
