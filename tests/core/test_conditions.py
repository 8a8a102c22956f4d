"""Conditions: a table for each, how they combine, how they are read, and what they tell."""

import tomllib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.calls import Call
from controller.core.combinations import AllOf, AnyOf, Not
from controller.core.conditions import CONDITIONS, Direction
from controller.core.numbers import NumberPlan
from controller.core.reading import Problems, read
from controller.core.subjects import subjects_of
from controller.core.view import Condition, View
from controller.core.windows import window
from tests.core.situations import CUSTOMER, after, inbound, internal, outbound, policy, ringing, talk

POLICY = policy(
    """
    [[site]]
    name = "london"
    [[extension]]
    number = "100"
    site = "london"
    """
)
ROSTER = POLICY.roster


def condition(when: object) -> Condition:
    problems: Problems = []
    found = read(when, ROSTER.plan, problems)
    assert found is not None, problems
    return found


def view(call: Call, name: str, zone: str = "UTC") -> View:
    for subject, legs in subjects_of(call, ROSTER):
        if subject.name == name:
            site = ROSTER.site_of(subject)
            return View(call, subject, legs, ROSTER, site, ZoneInfo(zone))
    raise AssertionError(f"{name} is not on the call")


IN, OUT, INSIDE = inbound("100"), outbound("100"), internal("100", "101")
DDI = "+44205550100"


@pytest.mark.parametrize(
    ("when", "call", "subject", "expected"),
    [
        ({"direction": "inbound"}, IN, "100", True),
        ({"direction": "inbound"}, OUT, "100", False),
        ({"direction": "outbound"}, OUT, "100", True),
        ({"direction": "internal"}, INSIDE, "100", True),
        ({"direction": "outgoing"}, INSIDE, "100", True),
        ({"direction": "incoming"}, INSIDE, "100", False),
        ({"direction": "incoming"}, INSIDE, "101", True),
        ({"direction": ["inbound", "outbound"]}, INSIDE, "100", False),
        ({"direction": ["inbound", "internal"]}, INSIDE, "100", True),
        ({"traffic": "external"}, IN, "100", True),
        ({"traffic": "external"}, INSIDE, "100", False),
        ({"traffic": "internal"}, INSIDE, "101", True),
        ({"traffic": "internal"}, IN, "100", False),
        ({"remote": CUSTOMER}, IN, "100", True),
        ({"remote": "+44205550777"}, IN, "100", True),
        ({"remote": ["0205550!"]}, OUT, "100", True),
        ({"remote": "101"}, INSIDE, "100", True),
        ({"remote": "101"}, INSIDE, "101", False),
        ({"remote": {"number": CUSTOMER, "direction": "to"}}, OUT, "100", True),
        ({"remote": {"number": CUSTOMER, "direction": "to"}}, IN, "100", False),
        ({"remote": [{"number": CUSTOMER, "direction": "from"}]}, IN, "100", True),
        ({"remote": {"exclude": "0205!"}}, IN, "100", False),
        ({"remote": {"exclude": "0207!"}}, IN, "100", True),
        ({"remote": {"exclude": "0205!", "include": CUSTOMER}}, IN, "100", True),
        ({"remote": {"match": "0207!", "include": CUSTOMER}}, IN, "100", True),
        ({"remote": {"match": "0207!", "exclude": "0205!"}}, IN, "100", False),
        ({"dialled": "0205550100"}, IN, "100", True),
        ({"dialled": ["101", "102"]}, INSIDE, "100", True),
        ({"dialled": "102"}, INSIDE, "101", False),
        ({"site": "london"}, IN, "100", True),
        ({"site": ["london", "paris"]}, INSIDE, "101", False),
        ({"attribute": {"vip": "yes"}}, talk("100", "101", told={"vip": "yes"}), "100", True),
        ({"attribute": {"VIP": "yes"}}, talk("100", "101", told={"vip": "yes"}), "100", True),
        ({"attribute": {"vip": "yes"}}, talk("100", "101", told={"vip": "Yes"}), "100", False),
        ({"attribute": {"vip": "yes"}}, INSIDE, "100", False),
        ({"attribute": {"tier": ["gold", "sil*"]}}, talk("100", "101", told={"tier": "silver"}), "100", True),
        ({"attribute": {"tier": "*", "vip": "no"}}, talk("100", "101", told={"tier": "silver"}), "100", False),
        ({"ddi_calls": "inbound"}, IN, DDI, True),
        ({"ddi_calls": "outbound"}, IN, DDI, False),
        ({"ddi_calls": "outbound"}, OUT, DDI, True),
        ({"ddi_calls": "both"}, IN, DDI, True),
        ({"ddi_calls": "both"}, OUT, DDI, True),
        ({"ddi_calls": "off"}, IN, DDI, False),
        ({"ddi_calls": "both"}, IN, "100", False),
        ({"not": {"direction": "inbound"}}, IN, "100", False),
        ({"not": {"direction": "inbound", "traffic": "internal"}}, IN, "100", True),
        ({"any": [{"direction": "outbound"}, {"remote": CUSTOMER}]}, IN, "100", True),
        ({"any": [{"direction": "outbound"}, {"traffic": "internal"}]}, IN, "100", False),
        ({"all": [{"direction": "inbound"}, {"remote": CUSTOMER}]}, IN, "100", True),
        ({"all": [{"direction": "inbound"}, {"traffic": "internal"}]}, IN, "100", False),
        ({"direction": "inbound", "site": "london"}, IN, "100", True),
        ({"direction": "inbound", "site": "paris"}, IN, "100", False),
    ],
)
def test_a_condition_holds_where_it_says(when: object, call: Call, subject: str, expected: bool) -> None:
    assert condition(when).holds(view(call, subject)) is expected


def test_before_anybody_is_known_on_the_other_side_traffic_is_neither() -> None:
    call = after(*ringing("100", "101", dialled="s")[:1])
    assert not condition({"traffic": "internal"}).holds(view(call, "100"))
    assert not condition({"traffic": "external"}).holds(view(call, "100"))


WEDNESDAY_NIGHT = datetime(2026, 11, 18, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "local", "expected"),
    [
        ("mon-fri 08:00-18:00", (18, 8, 0), True),
        ("mon-fri 08:00-18:00", (18, 17, 59), True),
        ("mon-fri 08:00-18:00", (18, 18, 0), False),
        ("mon-fri 08:00-18:00", (18, 7, 59), False),
        ("mon-fri 08:00-18:00", (21, 12, 0), False),
        ("sat,sun", (21, 12, 0), True),
        ("sat, sun", (22, 0, 0), True),
        ("sat-mon", (23, 12, 0), True),
        ("sat-mon", (24, 12, 0), False),
        ("fri 22:00-06:00", (20, 23, 0), True),
        ("fri 22:00-06:00", (21, 5, 59), True),
        ("fri 22:00-06:00", (21, 22, 30), False),
        ("fri 22:00-06:00", (20, 5, 0), False),
        ("22:00-06:00", (18, 3, 0), True),
        ("22:00-24:00", (18, 23, 59), True),
        ("00:00-24:00", (18, 0, 0), True),
    ],
)
def test_a_window_covers_what_it_says(text: str, local: tuple[int, int, int], expected: bool) -> None:
    day, hour, minute = local  # November 2026: the 18th is a Wednesday
    assert window(text).covers(datetime(2026, 11, day, hour, minute, tzinfo=UTC)) is expected


def test_the_clock_is_the_sites_and_the_call_is_judged_by_its_beginning() -> None:
    call = after(*ringing("100", "101"), began=WEDNESDAY_NIGHT.timestamp())
    late = condition({"time": "wed 20:00-24:00"})
    assert late.holds(view(call, "100", "UTC"))
    assert not late.holds(view(call, "100", "Europe/Berlin")), "there it is half past midnight on Thursday"


@pytest.mark.parametrize(
    "text", ["", "monday", "mon-fri 8-18", "25:00-26:00", "08:00-08:00", "mon fri", "08:61-09:00", "fry 08:00-09:00"]
)
def test_a_window_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"'|no time"):
        window(text)


@pytest.mark.parametrize(
    ("when", "path", "clue"),
    [
        ({}, (), "table of conditions"),
        ("inbound", (), "table of conditions"),
        ({"directon": "inbound"}, ("directon",), "no condition 'directon'"),
        ({"direction": "in"}, ("direction",), "is none of"),
        ({"direction": []}, ("direction",), "in quotes"),
        ({"traffic": ["internal", "external"]}, ("traffic",), "leave the condition out"),
        ({"remote": 101}, ("remote",), "in quotes"),
        ({"remote": []}, ("remote",), "leave it out"),
        ({"remote": {"include": "1"}}, ("remote",), "use match"),
        ({"remote": {"exlude": "1"}}, ("remote",), "exlude"),
        ({"remote": {"number": "1", "direction": "up"}}, ("remote",), "not 'up'"),
        ({"dialled": True}, ("dialled",), "in quotes"),
        ({"time": 8}, ("time",), "in quotes"),
        ({"attribute": "vip"}, ("attribute",), "name the attribute"),
        ({"attribute": {"vip": 1}}, ("attribute",), "in quotes"),
        ({"ddi_calls": "in"}, ("ddi_calls",), "is none of"),
        ({"not": {}}, ("not",), "table of conditions"),
        ({"any": []}, ("any",), "list of tables"),
        ({"any": {"direction": "inbound"}}, ("any",), "list of tables"),
        ({"all": [{"direction": "inbound"}, {"time": "x"}]}, ("all", 1, "time"), "days are mon"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused_where_it_stands(
    when: object, path: tuple[str | int, ...], clue: str
) -> None:
    problems: Problems = []
    assert read(when, NumberPlan(), problems) is None
    assert [where for where, _ in problems] == [path]
    assert clue in problems[0][1]


def test_every_mistake_in_one_table_is_told_at_once() -> None:
    problems: Problems = []
    read({"direction": "in", "time": "x", "not": {"site": 3}}, NumberPlan(), problems)
    assert [path for path, _ in problems] == [("direction",), ("time",), ("not", "site")]


def test_an_empty_all_must_not_mean_yes_and_an_empty_any_is_refused_too() -> None:
    with pytest.raises(ValueError, match="every call"):
        AllOf(())
    with pytest.raises(ValueError, match="no call"):
        AnyOf(())


@pytest.mark.parametrize("name", CONDITIONS)
def test_each_condition_can_be_read_from_its_own_example_and_tells_what_it_wants(name: str) -> None:
    kind = CONDITIONS[name]
    value = tomllib.loads(f"value = {kind.example}")["value"]
    one = kind.read(value, ROSTER.plan)
    subject = view(IN, DDI if name == "ddi_calls" else "100")
    assert name in str(one)
    assert one.fact(subject)
    assert kind.__doc__
    assert kind.takes


def test_a_rule_with_several_conditions_tells_the_one_that_fails() -> None:
    both = condition({"direction": "inbound", "site": "paris"})
    assert str(both) == "direction inbound and site paris"
    assert both.fact(view(IN, "100")) == "extension 100 belongs to london"


LEAVES = st.sampled_from([Direction(frozenset({name})) for name in Direction.values])
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=8,
)


@given(TREES, st.sampled_from([IN, OUT, INSIDE]))
def test_not_any_and_all_obey_de_morgan(tree: Condition, call: Call) -> None:
    seen = view(call, "100")
    assert Not(tree).holds(seen) is not tree.holds(seen)
    assert Not(AllOf((tree, tree))).holds(seen) is AnyOf((Not(tree), Not(tree))).holds(seen)
    assert tree.fact(seen)
