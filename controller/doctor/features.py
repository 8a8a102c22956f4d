"""Checks of features.conf: codes of Asterisk's own that record or meet ours, and features that our keys need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controller.config.load import Config
from controller.doctor.finding import Finding, fail, ok, skipped, warn
from controller.doctor.probe import WAY, NoChannel, spare_channel
from controller.doctor.visit import Visit
from controller.pbx.asterisk.telephones import CODES, OFF, ON
from controller.pbx.driver import PbxRefused
from hardware.sequences import CodeBook

FEATURES = ("blindxfer", "atxfer", "disconnect", "parkcall", "automixmon", "automon")
AUTOMON_GONE = (21, 0)
"""From then on Asterisk logs a warning for whoever asks for it."""


def _books(config: Config) -> list[CodeBook]:
    policy = config.policy
    return [site.codes for site in (policy.organisation, *policy.sites.values()) if site.codes is not None]


async def dynamic(visit: Visit) -> list[Finding]:
    """Whether the features by which Record keys and codes reach us are in [applicationmap]."""
    policy, books = visit.config.policy, _books(visit.config)
    if not policy.record_key and not books:
        return [ok("no Record keys or codes are configured, so no features are needed")]
    try:
        said = (await visit.act("GetConfig", Filename="features.conf", Category="applicationmap")).pairs
    except PbxRefused as error:
        if "permission" in str(error).lower():
            return [skipped(f"features.conf may not be read ({error})")]
        said = []  # no such file or section
    there = {line.partition("=")[0].strip() for name, line in said if name.startswith("Line-")}
    out = []
    if policy.record_key and (missing := [name for name in (ON, OFF) if name not in there]):
        out.append(
            fail(
                f"[applicationmap] has no {', '.join(missing)}: every press of a Record key is answered 403",
                'features.conf, at its end: #include "onrecord_features.conf" (of dialplan/asterisk; `onrecord init` '
                "puts it there), then `module reload features`",
                missing=missing,
            )
        )
    if books and CODES not in there:
        out.append(
            warn(
                f"[applicationmap] has no {CODES}: codes work, and the other party hears their tones",
                "`onrecord keys codes` writes onrecord_codes.conf, which onrecord_features.conf includes; then "
                "`module reload features`",
                missing=[CODES],
            )
        )
    return out or [ok("the features that Record keys and codes need are there")]


async def feature_codes(visit: Visit) -> list[Finding]:
    """Whether codes of Asterisk's own (features.conf) start recorders, or are part of codes that our people type."""
    theirs: dict[str, str] = {}
    try:
        async with spare_channel(visit) as (_, channel):
            for feature in FEATURES if visit.release < AUTOMON_GONE else FEATURES[:-1]:
                said = await visit.act("Getvar", Channel=channel, Variable=f"FEATUREMAP({feature})")
                if code := said.get("Value").strip():
                    theirs[feature] = code
    except NoChannel as error:
        return [skipped(f"no channel to ask by: {error}", WAY)]
    return [*_recorders(theirs), *_clashes(visit, theirs)] or [
        ok(f"codes of Asterisk's own start no recorder and meet none of ours: {', '.join(theirs.values()) or 'none'}")
    ]


def _recorders(theirs: Mapping[str, str]) -> Iterator[Finding]:
    for feature in ("automixmon", "automon"):
        if code := theirs.get(feature):
            yield warn(
                f"{code} ({feature}) starts a recorder that follows no rule and no pause of ours, where Dial "
                "or Queue has the options x, X, w or W",
                f"features.conf, [featuremap]: take {feature} out, then `module reload features`; or those options "
                "out of the dialplan (FreePBX: In-Call Recording codes off)",
                code=code,
            )


def _clashes(visit: Visit, theirs: Mapping[str, str]) -> Iterator[Finding]:
    for ours in sorted({code.digits for book in _books(visit.config) for code in book.codes}):
        for feature, code in theirs.items():
            if code in ours or ours in code:
                yield warn(
                    f"our code {ours} and Asterisk's {code} ({feature}) have the same keys: both act",
                    f"features.conf, [featuremap]: another code for {feature}; or another under [keys.codes] here",
                    code=ours,
                )
