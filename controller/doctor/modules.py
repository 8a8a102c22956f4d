"""Check of modules: what Asterisk must have loaded for recordings, and what only some features need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controller.config.load import Config
from controller.core.decision import SubjectKind
from controller.doctor.finding import Finding, fail, ok, warn
from controller.doctor.visit import Visit
from controller.pbx.driver import PbxRefused


def _always(_config: Config) -> bool:
    return True


def _rules_about(kind: SubjectKind) -> Callable[[Config], bool]:
    def needed(config: Config) -> bool:
        return any(one.kind is kind for rule in config.policy.rules for one in rule.selectors)

    return needed


@dataclass(frozen=True, slots=True)
class Module:
    """`vital`: without it nothing is recorded, or not what the policy says; else something smaller is missing."""

    name: str
    without: str
    vital: bool = True
    needed: Callable[[Config], bool] = _always


NEEDED = (
    Module("app_mixmonitor", "nothing can be recorded"),
    Module("chan_pjsip", "phones and trunks of PJSIP have no calls", vital=False),
    Module("bridge_simple", "calls of two are bridged in a way that is not known here", vital=False),
    Module("app_queue", "the policy's queues do not exist", needed=_rules_about(SubjectKind.QUEUE)),
    Module("app_confbridge", "the policy's conferences do not exist", needed=_rules_about(SubjectKind.CONFERENCE)),
    *(
        Module(name, "the gate, where people are told, does not work", needed=lambda config: config.policy.announces)
        for name in ("app_stack", "app_waitforcond", "app_userevent", "app_playback", "app_controlplayback")
    ),
    Module("func_devstate", "the lamps of Record keys stay dark", vital=False),
    Module(
        "res_pjsip_one_touch_record_info",
        "Record keys are answered 200 all the same (by res_pjsip_empty_info), and nothing happens",
        needed=lambda config: config.policy.record_key,
    ),
    Module("res_ari_events", "ARI's websocket is missing", needed=lambda config: any(p.ari for p in config.pbxs)),
)
"""Add a line for what the driver comes to need. Formats and codecs are looked at by their own names, below."""

FORMAT = {
    "wav": "format_wav",
    "wav16": "format_wav",
    "sln": "format_sln",
    "sln16": "format_sln",
    "alaw": "format_pcm",
    "ulaw": "format_pcm",
    "gsm": "format_gsm",
}


async def loaded(visit: Visit, module: str) -> bool:
    """Whether Asterisk has loaded it. Raises PbxRefused where class system is missing."""
    try:
        await visit.act("ModuleCheck", Module=module)
    except PbxRefused as error:
        if "not loaded" not in str(error).lower():
            raise
        return False
    return True


async def modules(visit: Visit) -> list[Finding]:
    """One finding for each module that is missing."""
    format_ = visit.pbx.format
    wanted = (
        *(one for one in NEEDED if one.needed(visit.config)),
        Module(FORMAT[format_], f"files of format {format_} cannot be written: nothing is recorded"),
    )
    found = []
    for module in wanted:
        if not await loaded(visit, module.name):
            remedy = (
                f"modules.conf: load = {module.name}.so, and no noload line; then `module load {module.name}.so`; "
            )
            remedy += "if there is no such file, install the package that has it"
            found.append(
                (fail if module.vital else warn)(f"{module.name}.so is not loaded: {module.without}", remedy)
            )
    return found or [ok(f"all {len(wanted)} modules that are needed are loaded")]
