"""CHECKS: every check that `onrecord doctor` knows. To add one: write a function and name it here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from controller.config.load import Config
from controller.doctor import (
    calls,
    dialplan,
    features,
    memory,
    modules,
    notices,
    pace,
    places,
    policy,
    probe,
    prompts,
    reach,
    rights,
    telephones,
)
from controller.doctor.finding import Finding
from controller.doctor.visit import Visit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Check(Generic[T]):
    """`needs`: checks that must not have failed. `run` may raise PbxRefused, PbxGone and OSError."""

    name: str
    asks: str
    run: Callable[[T], Awaitable[list[Finding]] | list[Finding]]
    needs: tuple[str, ...] = ()


AMI = ("ami",)

OF_A_PBX: tuple[Check[Visit], ...] = (
    Check("ami", "the manager interface can be reached and lets us in", reach.manager),
    Check("booted", "and says that it has started", reach.booted, AMI),
    Check("version", "this Asterisk is known", reach.version, AMI),
    Check("clock", "the PBX's clock and ours agree", reach.clock, AMI),
    Check("lag", "the PBX answers quickly", calls.lag, AMI),
    Check("writing", "the manager user may do what it must", rights.writing, AMI),
    Check("excess", "and nothing dangerous beyond", rights.excess, AMI),
    Check("hearing", "the manager user may hear what it must", rights.hearing, AMI),
    Check("filter", "events are filtered, and none too many", rights.filtering, AMI),
    Check("door", "not everybody may try the manager's password", rights.door, AMI),
    Check("ari", "ARI can be reached and lets us write", reach.rest),
    Check("modules", "Asterisk has loaded what is needed", modules.modules, AMI),
    Check("probe", "MixMonitor records a tone, and the file is here", probe.probe, ("ami", "ari")),
    Check("direct-media", "speech goes through Asterisk", telephones.direct_media, AMI),
    Check("codecs", "Asterisk can decode what phones talk in", telephones.codecs, AMI),
    Check("vanished", "calls of vanished phones end", telephones.vanished, AMI),
    Check("record-keys", "Record keys start no recorders beside ours", telephones.record_keys, AMI),
    Check("features", "what Record keys and codes need is in features.conf", features.dynamic, AMI),
    Check(
        "feature-codes",
        "codes of Asterisk's own start no recorders",
        features.feature_codes,
        ("ami", "version", "ari"),
    ),
    Check("prompts", "what is announced can be played", prompts.prompts, ("ami", "ari")),
    Check("notices", "beeps and notices can be played", notices.notices, ("ami", "ari")),
    Check("dialplan", "recorders of the dialplan's own break nothing", dialplan.recorders, AMI),
    Check("trunks", "every trunk is listed as one", policy.trunks, AMI),
    Check("local", "queue members behind local channels", calls.local_channels, AMI),
    Check("others", "nobody else records", calls.others, AMI),
)

OF_THE_POLICY: tuple[Check[Sequence[Visit]], ...] = (
    Check("policy", "whom the policy names is on a PBX", policy.subjects),
)

HERE: tuple[Check[Config], ...] = (
    Check("configuration", "the file has no doubtful places, and its passwords are closed", places.configuration),
    Check("folders", "the controller may write its folders", places.folders),
    Check("room", "disks have room", places.room),
    Check("pace", "how many days the store's disk lasts", pace.pace),
    Check("disks", "folders lie on the right file systems", places.disks),
    Check("memory", "what nobody has asked to keep stays in memory", memory.memory),
    Check("outsiders", "recordings are closed to others", places.outsiders),
    Check("controller", "the running controller is well", places.controller),
    Check("selftest", "the last self-test passed, and not long ago", places.selftested),
)

NAMES = tuple(check.name for table in (OF_A_PBX, OF_THE_POLICY, HERE) for check in table)
