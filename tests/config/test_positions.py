"""Keys are found on their lines, whatever the shape of the TOML around them."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.config.positions import line_of, positions

TEXT = '''# a comment with = and [ and "
top = "x"  # [table]
a.b.c = 1
"quoted key" = 'single # quoted'
[organisation]
name = "x"
dotted.key = """
many = "lines"
[not.a.table]
"""
after = \'\'\'
x = 1\'\'\'\'

[[rule]]
name = "a \\" b"
extension = [ # first
  "100",
  [ "101",
    { x = 1, y = [ 2, 3 ] } ],
]
when = { direction = "inbound", not = { time = "]" }, any = [{ traffic = "}" }, { site = 'x' }] }
[rule.sub]
x = 1979-05-27T07:32:00Z
[[rule.list]]
y = -1e5
[[rule.list]]
y = 2
[[rule]]
name = "b"
[[rule.list]]
y = 3
[ "spaced" . 'out' ]
z = true
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("a", "b", "c"), 3),
        (("quoted key",), 4),
        (("organisation",), 5),
        (("organisation", "name"), 6),
        (("organisation", "dotted", "key"), 7),
        (("organisation", "after"), 11),
        (("rule", 0), 14),
        (("rule", 0, "name"), 15),
        (("rule", 0, "extension"), 16),
        (("rule", 0, "extension", 0), 17),
        (("rule", 0, "extension", 1, 0), 18),
        (("rule", 0, "extension", 1, 1, "y", 1), 19),
        (("rule", 0, "when", "not", "time"), 21),
        (("rule", 0, "when", "any", 1, "site"), 21),
        (("rule", 0, "sub", "x"), 23),
        (("rule", 0, "list", 0, "y"), 25),
        (("rule", 0, "list", 1, "y"), 27),
        (("rule", 1), 28),
        (("rule", 1, "name"), 29),
        (("rule", 1, "list", 0, "y"), 31),
        (("spaced", "out", "z"), 33),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_each_key_is_found_on_its_line(path: tuple[str | int, ...], line: int, newline: str) -> None:
    text = TEXT.replace("\n", newline)
    tomllib.loads(text)
    assert positions(text)[path] == line


def test_what_is_missing_is_told_at_the_nearest_thing_around_it() -> None:
    found = positions(TEXT)
    assert line_of(found, ("rule", 1, "mode")) == 28
    assert line_of(found, ("rule", 0, "when", "any", 1, "remote")) == 21
    assert line_of(found, ("nothing",)) == 1


KEYS = st.text(min_size=1, max_size=4)
VALUES = st.recursive(
    st.text(max_size=6) | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(letter):08x}" for letter in text if not 0xD800 <= ord(letter) < 0xE000) + '"'


def written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case list():
            return "[\n" + "".join(f"{written(one)},\n" for one in value) + "]"
        case dict():
            return "{" + ", ".join(f"{quoted(key)} = {written(one)}" for key, one in value.items()) + "}"
        case _:
            return str(value)


def paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for key, one in items for inner in paths(one, (*path, key)))]


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_every_key_that_toml_finds_has_a_line(table: dict[str, object]) -> None:
    text = "\n".join(f"{quoted(key)} = {written(value)}" for key, value in table.items())
    parsed = tomllib.loads(text)
    found = positions(text)
    assert set(found) == set(paths(parsed)) - {()}
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())
