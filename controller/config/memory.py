"""Whether there is a folder in memory for what is captured unasked: looked at when a policy comes into force."""

from __future__ import annotations

from controller import ram
from controller.config.load import Config
from controller.config.problems import ConfigError, Problem
from controller.core.decision import Mode
from controller.core.policy import Policy


def captures_unasked(policy: Policy) -> bool:
    """Whether anything is on-demand-keep."""
    above = (policy.organisation.settings, *(site.settings for site in policy.sites.values()))
    return any(one.mode is Mode.ON_DEMAND_KEEP for one in (*above, *(rule.settings for rule in policy.rules)))


def check_memory(config: Config) -> None:
    """Blocks. Raises ConfigError where a rule needs such a folder and there is none."""
    if not captures_unasked(config.policy):
        return
    problems = []
    for pbx in config.pbxs:
        folder = pbx.memory
        if folder is not None and (why := ram.trouble(folder)):
            what = f"a rule is on-demand-keep, and {why}. {ram.remedy(folder)}"
            problems.append(Problem(0, f"pbx {pbx.name}, provisional_dir", what))
    if problems:
        raise ConfigError(config.path, problems)
