"""Policy: the rules in force with all that they refer to, and what is remembered about them; policy.py decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from controller.core.decision import Announce, ByRegion, Decision, NoticeForm, Subject, SubjectKind
from controller.core.grades import ForceAgainstNever, TieBreak
from controller.core.numbers import NumberList, remember
from controller.core.regions import Regions
from controller.core.roster import Roster
from controller.core.rules import BUILT_IN, Rule, RuleIndex, Settings, Site, Terms, terms_of
from hardware.sequences import CodeBook


class QueueIsolation(Enum):
    """Who decides about a queue's or a conference's call (Y-10, Y-11)."""

    STRICT = "strict"  # the queue or conference alone
    TRUNK_WINS = "trunk_wins"  # a trunk or DDI whose rule says yes is recorded all the same


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers that mean something whichever rule applies. The last three are what phones dial."""

    helplines: NumberList = field(default_factory=NumberList)
    exclude: NumberList = field(default_factory=NumberList)
    include: NumberList = field(default_factory=NumberList)
    paging: NumberList = field(default_factory=NumberList)
    intercom: NumberList = field(default_factory=NumberList)
    voicemail: NumberList = field(default_factory=NumberList)


@dataclass(frozen=True, slots=True)
class About:
    """What the policy knows of one subject: the rules that name it, its site, the terms where no rule speaks."""

    rules: tuple[Rule, ...]
    site: Site
    default: Terms
    text: str


@dataclass(frozen=True, slots=True)
class Policy:
    """All that decide() needs. `organisation` and `sites` hold what rules inherit. Empty, it records nothing."""

    rules: tuple[Rule, ...] = ()
    roster: Roster = field(default_factory=Roster)
    organisation: Site = field(default_factory=Site)
    sites: Mapping[str, Site] = field(default_factory=lambda: MappingProxyType({}))
    numbers: Numbers = field(default_factory=Numbers)
    queue_isolation: QueueIsolation = QueueIsolation.STRICT
    ring_group_isolation: bool = False
    tie_break: TieBreak = TieBreak.RECORD
    force_against_never: ForceAgainstNever = ForceAgainstNever.NEVER
    standing: frozenset[str] = frozenset()  # extensions that want all their calls recorded
    record_key: bool = False  # whether phones with a Record key are told beforehand what it may do
    renews: frozenset[str] = frozenset()  # PBXs whose recorders are replaced when somebody new is heard
    regions: Regions | None = field(default=None, repr=False)  # what the law asks where a party is
    _index: RuleIndex = field(init=False, repr=False, compare=False)
    _follows: bool = field(init=False, repr=False, compare=False)
    _arms: bool = field(init=False, repr=False, compare=False)
    _asks: bool = field(init=False, repr=False, compare=False)
    _announces: bool = field(init=False, repr=False, compare=False)
    _reminds: bool = field(init=False, repr=False, compare=False)
    _terms: dict[tuple[int, str], Terms] = field(default_factory=dict, init=False, repr=False, compare=False)
    _about: dict[Subject, About] = field(default_factory=dict, init=False, repr=False, compare=False)
    _decisions: dict[object, Decision] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", RuleIndex(self.rules, self.roster))
        everywhere = (self.organisation.settings, *(site.settings for site in self.sites.values()))
        above = any(settings.follow_transfer for settings in everywhere)
        coded = any(site.codes is not None for site in (self.organisation, *self.sites.values()))
        object.__setattr__(self, "_arms", self.record_key or coded)
        settings = (*everywhere, *(rule.settings for rule in self.rules))
        spoken = {each for one in settings for each in _announced(one)} - {None, Announce.NONE}
        object.__setattr__(self, "_asks", bool(spoken & {Announce.OPT_IN, ByRegion.REGION}))
        object.__setattr__(self, "_announces", bool(spoken))
        object.__setattr__(self, "_reminds", any(_reminding(each) for each in settings))
        object.__setattr__(self, "_follows", above or any(rule.settings.follow_transfer for rule in self.rules))

    @property
    def follows(self) -> bool:
        """Whether anything keeps recording after its subject has transferred the call away."""
        return self._follows

    def about(self, subject: Subject) -> About:
        """What never changes about a subject, looked up once."""
        known = self._about.get(subject)
        if known is None:
            site = self.sites.get(self.roster.site_of(subject), self.organisation)
            default = self.terms(None, site, subject.kind is SubjectKind.LINE)
            known = About(self._index.about(subject), site, default, str(subject))
            remember(self._about, subject, known)
        return known

    @property
    def asks(self) -> bool:
        """Whether anybody is ever asked to agree: only then can a consent be missing."""
        return self._asks

    @property
    def announces(self) -> bool:
        """Whether anybody is ever told or asked before he is recorded."""
        return self._announces

    @property
    def reminds(self) -> bool:
        """Whether anybody ever hears a notice or beeps while he is recorded."""
        return self._reminds

    @property
    def arms(self) -> bool:
        """Whether there is anything that phones are told beforehand."""
        return self._arms

    def codes(self, subject: Subject) -> CodeBook | None:
        """What the people of this subject may type during a call: their site's codes, else the organisation's."""
        return self.sites.get(self.roster.site_of(subject), self.organisation).codes or self.organisation.codes

    def terms(self, rule: Rule | None, site: Site, line: bool = False) -> Terms:
        """What the rule (None: the default) means at this site. A line is not recorded unless a rule names it,
        whatever the default for everybody else is (W-13)."""
        # The policy holds its rules, so their addresses name them; hashing a rule whole would be slow.
        key = (id(rule) if rule else -1 if line else 0, site.name)
        known = self._terms.get(key)
        if known is None:
            above = (BUILT_IN,) if line and rule is None else (site.settings, self.organisation.settings)
            known = remember(self._terms, key, terms_of(rule, above))
        return known

    def decided(self, scene: object) -> Decision | None:
        """The decision that was made for this scene before, if it is remembered."""
        return self._decisions.get(scene)

    def remember(self, scene: object, decision: Decision) -> Decision:
        """Keep the decision for this scene, and hand it back."""
        return remember(self._decisions, scene, decision)

    def forget(self) -> None:
        """Let decisions be worked out anew; they come out the same."""
        self._decisions.clear()


def _announced(settings: Settings) -> tuple[Announce | ByRegion | None, ...]:
    return (
        settings.announce_inbound,
        settings.announce_outbound,
        settings.announce_internal,
        settings.announce_fallback,
    )


def _reminding(settings: Settings) -> bool:
    forms = {settings.notice_outside, settings.notice_internal, settings.notice_pause} - {None, NoticeForm.NONE}
    return bool(settings.beep or forms)
