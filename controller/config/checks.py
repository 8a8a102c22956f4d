"""Mistakes that only show when the tables are seen together: doubles, strangers, contradictions, idle rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from controller.config import machinery, models
from controller.config.build import SELECTORS
from controller.config.machinery import Pbx
from controller.config.positions import Path
from controller.config.problems import Notes
from controller.config.tables import LISTS, Tables
from controller.core.combinations import AllOf, AnyOf, Not
from controller.core.conditions import Ddi, Site
from controller.core.decision import Destination, Grade, Mode, SubjectKind
from controller.core.policy import Policy
from controller.core.rules import BUILT_IN, GRANTED, How, Rule, Selector
from controller.core.view import Condition

_KEYS = {"extension": "number", "ring_group": "number", "ddi": "number"}


def check(raw: Mapping[str, Any], tables: Tables, policy: Policy, notes: Notes) -> None:
    """Note every mistake and every doubt."""
    _doubles(raw, notes)
    _endpoints(tables, notes)
    _sites(raw, tables, notes)
    known = {key: _known(key, raw) for key in SELECTORS}
    for (place, table), rule in zip(tables.all("rule", models.Rule), policy.rules, strict=True):
        _names(place, table, raw, known, notes)
        if ("rule", place) not in tables.partial:
            _contradictions(("rule", place), table, table.grade, policy, notes)
        _conditions(place, rule, policy, notes)
        _lengths(("rule", place), table, notes)
    for place, site in tables.all("site", models.Site):
        _lengths(("site", place), site, notes)
    defaults = tables.one("defaults", models.Settings)
    _lengths(("defaults",), defaults, notes)
    _destinations(tables, notes)
    if not notes.problems:
        _unreached(policy, tables, notes)


def _destinations(tables: Tables, notes: Notes) -> None:
    """An extension by itself means nothing on a PBX that does not say where its phones dial."""
    lost = [pbx.name for _, pbx in tables.all("pbx", Pbx) if not pbx.context]
    if not lost:
        return
    several: list[tuple[Path, models.Settings]] = [(("defaults",), tables.one("defaults", models.Settings))]
    several += [(("site", place), site) for place, site in tables.all("site", models.Site)]
    several += [(("rule", place), rule) for place, rule in tables.all("rule", models.Rule)]
    for path, table in several:
        to = table.after_refusal
        if isinstance(to, Destination) and not to.context:
            notes.wrong(
                (*path, "after_refusal"),
                f"in which context is extension {to.extension}? Write context,extension,priority, or give "
                f"[[pbx]] {', '.join(lost)} a context",
            )


def _entries(raw: Mapping[str, Any], table: str) -> list[Any]:
    entries = raw.get(table)
    return entries if isinstance(entries, list) else []


def _listed(raw: Mapping[str, Any], table: str, *keys: str) -> list[str]:
    """Names in a list of tables, also of entries that are wrong otherwise: one mistake is to be told once."""
    entries = [one for one in _entries(raw, table) if isinstance(one, Mapping)]
    return [one[key] for one in entries for key in keys if isinstance(one.get(key), str) and one[key]]


def _doubles(raw: Mapping[str, Any], notes: Notes) -> None:
    for table in LISTS:
        key = _KEYS.get(table, "name")
        first: dict[str, int] = {}
        for place, one in enumerate(_entries(raw, table)):
            name = one.get(key) if isinstance(one, Mapping) else None
            if not isinstance(name, str):
                continue
            if name in first:
                line = notes.line((table, first[name], key))
                notes.wrong((table, place, key), f"there is another {table} '{name}' on line {line}: each {key} once")
            first.setdefault(name, place)


def _endpoints(tables: Tables, notes: Notes) -> None:
    owners: dict[str, tuple[str, Path]] = {}
    pbxs = {pbx.name for _, pbx in tables.all("pbx", machinery.Pbx)}
    for owner, path, endpoints, listed in _claims(tables):
        for place, endpoint in enumerate(endpoints):
            where = (*path, "endpoints", place) if listed else path
            pbx, slash, _ = endpoint.partition("/")
            if slash and pbxs and pbx not in pbxs:
                notes.wrong(where, f"'{endpoint}': there is no PBX '{pbx}'{notes.meant(pbx, pbxs)}")
            if endpoint in owners and owners[endpoint][0] != owner:
                other, there = owners[endpoint]
                notes.wrong(
                    where,
                    f"endpoint '{endpoint}' belongs to {other} already (line {notes.line(there)}): "
                    "one endpoint, one owner; list the endpoints of both",
                )
            owners.setdefault(endpoint, (owner, where))


def _claims(tables: Tables) -> Iterator[tuple[str, Path, tuple[str, ...], bool]]:
    """Who claims which endpoints, where, and whether in words or by default."""
    for place, trunk in tables.all("trunk", models.Trunk):
        yield f"trunk {trunk.name}", ("trunk", place), trunk.endpoints or (trunk.name,), bool(trunk.endpoints)
    for place, line in tables.all("line", models.Line):
        yield f"line {line.name}", ("line", place), line.endpoints, True
    for place, one in tables.all("extension", models.Extension):
        yield f"extension {one.number}", ("extension", place), one.endpoints or (one.number,), bool(one.endpoints)


def _sites(raw: Mapping[str, Any], tables: Tables, notes: Notes) -> None:
    known = _listed(raw, "site", "name")
    for table, kind in LISTS.items():
        if "site" not in kind.model_fields:
            continue
        for place, one in tables.all(table, kind):
            site = getattr(one, "site", "")
            if site and site not in known:
                notes.wrong((table, place, "site"), _stranger("site", site, known, notes))


def _stranger(what: str, name: str, known: Iterable[str], notes: Notes) -> str:
    near = notes.meant(name, known)
    key = "number" if what == "extension" else "name"
    return f"there is no {what} '{name}'" + (near or f': add [[{what}]] {key} = "{name}", or correct it')


def _names(
    place: int, table: models.Rule, raw: Mapping[str, Any], known: Mapping[str, frozenset[str]], notes: Notes
) -> None:
    """Whom the rule names: somebody, and nobody who cannot exist."""
    if not any(raw["rule"][place].get(key) for key in SELECTORS):
        notes.wrong(
            ("rule", place),
            "it names nobody: add extension, group, department, line, trunk, ddi, queue, ring_group "
            'or conference; "*" is all of a kind',
        )
    for key in SELECTORS:
        for entry, text in enumerate(getattr(table, key)):
            if not text.endswith("*"):
                _stranger_in_rule(("rule", place, key, entry), key, text, known[key], notes)


def _known(key: str, raw: Mapping[str, Any]) -> frozenset[str]:
    """The names that a rule may give for this key, as far as the file lists them."""
    if key not in ("group", "department"):
        return frozenset(_listed(raw, key, "name", "number"))
    field = "groups" if key == "group" else "department"
    people = [one for table in ("extension", "line") for one in _entries(raw, table) if isinstance(one, Mapping)]
    return frozenset(name for one in people for name in _flat(one.get(field)))


def _stranger_in_rule(path: Path, key: str, text: str, known: frozenset[str], notes: Notes) -> None:
    if text in known:
        return
    if key in ("group", "department"):
        notes.wrong(path, f"no extension or line is in {key} '{text}'{notes.meant(text, known)}")
        return
    number = not any(letter.isalpha() for letter in text)
    if number and key in ("extension", "ring_group", "ddi", "conference"):
        return
    if known or key in ("line", "trunk") or (key == "extension" and " " in text):
        notes.wrong(path, _stranger(key, text, known, notes))


def _flat(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]


def _contradictions(path: Path, table: models.Rule, grade: Grade | None, policy: Policy, notes: Notes) -> None:
    mode = table.mode
    if mode is Mode.NEVER and grade in (Grade.YES, Grade.FORCE):
        notes.wrong(
            (*path, "grade"),
            f"mode never is a no, which grade {grade.value} contradicts: "
            'write grade = "never" for a no that nothing outweighs, or another mode',
        )
    if mode not in (None, Mode.NEVER) and grade in (Grade.NO, Grade.NEVER):
        notes.wrong(
            (*path, "grade"), f"grade {grade.value} says no, mode {mode.value} says yes: leave one of them out"
        )
    above = [policy.organisation.settings.mode, *(site.settings.mode for site in policy.sites.values())]
    inherits_never = all(one in (None, Mode.NEVER) for one in above)
    if mode is None and grade in (None, Grade.YES, Grade.FORCE) and inherits_never:
        notes.wrong(
            path, 'it has no mode and inherits never: write mode = "always", or grade = "no" if that is meant'
        )
    _grants(path, table, mode, notes)


def _grants(path: Path, table: models.Settings, mode: Mode | None, notes: Notes) -> None:
    if table.grants is None or mode is None:
        return
    beyond = sorted(grant.value for grant in table.grants if grant not in GRANTED[mode])
    if beyond:
        most = ", ".join(sorted(grant.value for grant in GRANTED[mode])) or "none"
        remedy = "; for a stop choose on-demand" if mode is not Mode.NEVER and "stop" in beyond else ""
        notes.wrong(
            (*path, "grants"), f"mode {mode.value} cannot grant {', '.join(beyond)} (it allows: {most}){remedy}"
        )


def _lengths(path: Path, table: models.Settings, notes: Notes) -> None:
    longest = table.max_length if table.max_length is not None else BUILT_IN.max_length
    if table.min_length and longest and table.min_length >= longest:
        notes.wrong((*path, "min_length"), f"no recording can be longer than max_length ({longest:g} s)")


def _conditions(place: int, rule: Rule, policy: Policy, notes: Notes) -> None:
    for condition in _parts(rule.when):
        if isinstance(condition, Ddi) and not any(one.kind is SubjectKind.DDI for one in rule.selectors):
            notes.wrong(("rule", place, "when"), "ddi_calls holds for DDIs only, and this rule names none")
        if isinstance(condition, Site):
            for name in sorted(condition.names - set(policy.sites)):
                notes.wrong(("rule", place, "when"), _stranger("site", name, policy.sites, notes))


def _parts(condition: Condition | None) -> Iterator[Condition]:
    if condition is None:
        return
    yield condition
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _parts(part)
    if isinstance(condition, Not):
        yield from _parts(condition.part)


def _unreached(policy: Policy, tables: Tables, notes: Notes) -> None:
    """Doubts: rules that can never speak, because an earlier one without conditions names the same subjects."""
    spoken: dict[Selector, str] = {}
    for (place, _), rule in zip(tables.all("rule", models.Rule), policy.rules, strict=True):
        before = {spoken.get(one) or spoken.get(Selector(one.kind, How.EVERY, "*")) for one in rule.selectors}
        if before and None not in before:
            names = " and ".join(sorted(f"'{name}'" for name in before if name))
            notes.warn(("rule", place), f"it never speaks: {names} above names the same, without conditions")
        if rule.when is None:
            for one in rule.selectors:
                spoken.setdefault(one, rule.name)
