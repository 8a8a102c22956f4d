"""Check of beeps and notices: what the policy lets people hear in a conversation can be played there."""

from __future__ import annotations

from collections.abc import Iterator

from controller.config.load import Config
from controller.core.decision import Mode, NoticeForm, OnFailure, Options
from controller.core.rules import terms_of
from controller.doctor.finding import Finding, fail, ok, skipped
from controller.doctor.probe import WAY, NoChannel, playback_on, spare_channel, until
from controller.doctor.prompts import MISSING_SECONDS
from controller.doctor.visit import Visit
from controller.pbx.asterisk.notices import SIGNAL, TONES

BEEPS, NOTICES, FAILURES = "beeps", "notices of start, stop or pause", "notices that a call is not recorded"


def used(config: Config) -> set[str]:
    """What of these the policy asks for."""
    policy = config.policy
    organisation = policy.organisation.settings
    above = [(organisation,), *((site.settings, organisation) for site in policy.sites.values())]
    terms = [terms_of(rule, over) for over in above for rule in (None, *policy.rules)]
    return {one for each in terms if each.mode is not Mode.NEVER for one in _used(each.options)}


def _used(options: Options) -> Iterator[str]:
    if options.beep > 0:
        yield BEEPS
    if {options.notice_outside, options.notice_internal, options.notice_pause} != {NoticeForm.NONE}:
        yield NOTICES
    if options.on_failure is not OnFailure.CONTINUE:
        yield FAILURES


async def notices(visit: Visit) -> list[Finding]:
    """Tones are made by Asterisk itself, so that no file can be missing but the one that is configured."""
    asked = sorted(used(visit.config))
    if not asked:
        return [ok("the policy lets nobody hear beeps or notices")]
    if visit.pbx.ari is None:
        return [
            fail(
                f"the policy asks for {', '.join(asked)}, and without ARI nobody hears any",
                f"add ari = {{ url, user, secret_file }} to [[pbx]] {visit.pbx.name}; `onrecord init` shows the rest",
            )
        ]
    if visit.ari is None:
        return [skipped("ARI lets us not in: see `onrecord doctor --only ari`")]
    configured = visit.pbx.failure_sound if FAILURES in asked else ""
    wanted = {SIGNAL: "the beep", configured or TONES: "failure_sound"}
    try:
        silent = [f"{name} ({media})" for media, name in wanted.items() if not await _plays(visit, media)]
    except NoChannel as error:
        return [skipped(f"no channel to play on: {error}", WAY)]
    if silent:
        return [
            fail(
                f"the PBX cannot play {' and '.join(silent)}: people are not told what the policy says they are",
                f"failure_sound under [[pbx]] {visit.pbx.name} names a file as the PBX calls it, without its ending, "
                "readable by Asterisk; left out: three tones that need no file",
                missing=silent,
            )
        ]
    return [ok(f"the PBX plays what is needed for {', '.join(asked)}")]


async def _plays(visit: Visit, media: str) -> bool:
    async with spare_channel(visit) as (ari, channel), playback_on(visit, ari, channel, "", media) as ended:
        await until(ended, MISSING_SECONDS)
        return ended() in ("", "done")
