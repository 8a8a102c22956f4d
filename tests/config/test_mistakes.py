"""Every kind of mistake in a configuration file: told with its line, its key and what would be right, all at once."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.config.load import MOST_BYTES, load, parse
from controller.config.problems import ConfigError, Problem

PATH = Path("onrecord.toml")
PBX = '[[pbx]]\nname = "main"\nami = { secret = "s3cret" }\n'


def mistakes(text: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        parse(text, PATH)
    return list(caught.value.problems)


def rule(more: str) -> str:
    return f'[[rule]]\nname = "r"\n{more}\n'


RULE = rule('extension = "100"\nmode = "always"')


@pytest.mark.parametrize(
    ("text", "line", "key", "clue"),
    [
        # where whoever refuses is sent: every part becomes a header to the PBX
        *(
            (f"[defaults]\nafter_refusal = {text}\n", 2, "defaults.after_refusal", "context,extension,priority")
            for text in (
                '"hangup"',
                '"a,b"',
                '"a,b,0"',
                '"a,b,c"',
                '"a b,s,1"',
                '"a,${X},1"',
                '"a,s,1\\r\\nX: y"',
                "7",
            )
        ),
        (PBX + '[defaults]\nafter_refusal = "199"\n', 5, "defaults.after_refusal", "in which context"),
        ('[defaults]\nprompt_inbound = "../x"\n', 2, "defaults.prompt_inbound", "no prompt's name"),
        (PBX + 'context = "a;b"\n', 4, "pbx 'main'.context", "letters, digits"),
        # tables and keys
        ("[organisaton]\n", 1, "organisaton", "did you mean 'organisation'?"),
        ("[rule]\nname = 'x'\n", 1, "rule", "write [[rule]] with two brackets"),
        ("[[numbers]]\n", 1, "numbers", "write [numbers]"),
        ("rule = 3\n", 1, "rule", "write [[rule]] with two brackets"),
        ("numbers = 3\n", 1, "numbers", "write [numbers]"),
        ('\n[defaults]\nmod = "always"\n', 3, "defaults.mod", "did you mean 'mode'?"),
        ('[[extension]]\nnumber = "1"\n\nnmae = "x"\n', 4, "extension '1'.nmae", "did you mean 'name'?"),
        ("[[extension]]\nname = 'Ann'\n", 1, "extension 'Ann'.number", "this key is missing"),
        (PBX.replace("secret =", "sekret ="), 3, "pbx 'main'.ami.sekret", "did you mean 'secret'?"),
        # values
        ('[defaults]\nmode = "alwys"\n', 2, "defaults.mode", "'alwys' is none of never, on-demand"),
        ('[defaults]\nmode = "Always"\n', 2, "defaults.mode", "did you mean 'always'?"),
        ("[defaults]\nmode = 1\n", 2, "defaults.mode", "1 is none of"),
        ('[defaults]\nrecord_paging = "yes"\n', 2, "defaults.record_paging", "true or false"),
        ("[defaults]\ndelay = -1\n", 2, "defaults.delay", "not negative"),
        ("[defaults]\ndelay = inf\n", 2, "defaults.delay", "write seconds"),
        ("[defaults]\ndelay = nan\n", 2, "defaults.delay", "write seconds"),
        ('[defaults]\nmax_length = "2 days"\n', 2, "defaults.max_length", "'4 h'"),
        ("[defaults]\nmin_length = 20000\n", 2, "defaults.min_length", "longer than max_length (14400 s)"),
        ("[defaults]\nmin_length = 9\nmax_length = 5\n", 2, "defaults.min_length", "longer than max_length (5 s)"),
        ('[defaults]\ngrants = ["sotp"]\n', 2, "defaults.grants 1", "did you mean 'stop'?"),
        ('[organisation]\ntime_zone = "London"\n', 2, "organisation.time_zone", "no time zone 'London'"),
        ('[organisation]\ntime_zone = "../etc/passwd"\n', 2, "organisation.time_zone", "no time zone"),
        ('[numbers]\ncountry = "gb"\n', 2, "numbers.country", "did you mean 'GB'?"),
        ('[numbers]\ncountry = "UK"\n', 2, "numbers.country", "two capital letters"),
        ('[[trunk]]\nname = "a\\u0007"\n', 2, "trunk 'a\x07'.name", "no control characters"),
        ('[[trunk]]\nname = " "\n', 2, "trunk ' '.name", "it is empty"),
        ('[[trunk]]\nname = "' + "x" * 300 + '"\n', 2, "", "longer than 200"),
        ('[[trunk]]\nname = "a"\nendpoints = "PJSIP/a"\n', 3, "trunk 'a'.endpoints", "leave the technology out: 'a'"),
        # numbers
        ("[[extension]]\nnumber = 100\n", 2, "extension 1.number", 'in quotes ("100")'),
        (rule("extension = [100, '101']\nmode = 'always'"), 3, "rule 'r'.extension 1", 'in quotes ("100")'),
        ("[numbers]\nhelplines = [\n  '1',\n  116123,\n]\n", 4, "numbers.helplines 2", 'in quotes ("116123")'),
        ("[numbers]\nexclude = '12a'\n", 2, "numbers.exclude", "is no number pattern"),
        ("[numbers]\nexclude = '020-555-1'\n", 2, "numbers.exclude", "without hyphens"),
        ("[numbers]\nexclude = { numbr = '1' }\n", 2, "numbers.exclude", '{ number = "72."'),
        (rule("extension = '199-100'\nmode = 'always'"), 3, "rule 'r'.extension", "backwards; write 100-199"),
        (rule("extension = '10-100'\nmode = 'always'"), 3, "rule 'r'.extension", "equally long"),
        (rule("ddi = '1!1'\nmode = 'always'"), 3, "rule 'r'.ddi", "at the end"),
        # doubles
        (RULE + RULE, 6, "rule 'r'.name", "another rule 'r' on line 2"),
        ("[[extension]]\nnumber='1'\n[[extension]]\nnumber='1'\n", 4, "extension '1'.number", "on line 2"),
        (PBX + PBX, 5, "pbx 'main'.name", "another pbx 'main'"),
        (
            "[[trunk]]\nname='a'\nendpoints=['x']\n[[line]]\nname='b'\nendpoints=['y', 'x']\n",
            6,
            "line 'b'.endpoints 2",
            "belongs to trunk a already (line 3)",
        ),
        ("[[trunk]]\nname='100'\n[[extension]]\nnumber='100'\n", 3, "extension '100'", "belongs to trunk 100"),
        # strangers
        (
            "[[extension]]\nnumber='1'\nsite='lodon'\n[[site]]\nname='london'\n",
            3,
            "extension '1'.site",
            "did you mean 'london'?",
        ),
        ("[[queue]]\nname='q'\nsite='x'\n", 3, "queue 'q'.site", 'add [[site]] name = "x"'),
        (rule("trunk='carier1'\nmode='always'") + "[[trunk]]\nname='carrier1'\n", 3, "rule 'r'.trunk", "'carrier1'?"),
        (rule("trunk='carrier1'\nmode='always'"), 3, "rule 'r'.trunk", 'add [[trunk]] name = "carrier1"'),
        (rule("queue='slaes'\nmode='always'") + "[[queue]]\nname='sales'\n", 3, "rule 'r'.queue", "'sales'?"),
        (rule("line='x'\nmode='always'"), 3, "rule 'r'.line", "add [[line]]"),
        (rule("group='agnets'\nmode='always'") + "[[extension]]\nnumber='1'\ngroups='agents'\n", 3, "", "'agents'?"),
        (rule("department='Sales'\nmode='always'"), 3, "rule 'r'.department", "in department 'Sales'"),
        (
            rule("extension='Ann Smth'\nmode='always'") + "[[extension]]\nnumber='1'\nname='Ann Smith'\n",
            3,
            "",
            "Ann Smith",
        ),
        (PBX + "[[trunk]]\nname='a'\nendpoints='mian/a'\n", 6, "trunk 'a'.endpoints", "did you mean 'main'?"),
        (rule("extension='1'\nmode='always'\nwhen={site='x'}"), 5, "rule 'r'.when", "no site 'x'"),
        # contradictions
        (rule("mode='always'"), 1, "rule 'r'", "it names nobody"),
        (rule("extension=[]\nmode='always'"), 1, "rule 'r'", "it names nobody"),
        (rule("extension='1'"), 1, "rule 'r'", "it has no mode and inherits never"),
        (rule("extension='1'\nmode='never'\ngrade='force'"), 5, "rule 'r'.grade", "contradicts"),
        (rule("extension='1'\nmode='always'\ngrade='no'"), 5, "rule 'r'.grade", "leave one of them out"),
        (rule("extension='1'\nmode='always'\ngrants=['stop']"), 5, "rule 'r'.grants", "choose on-demand"),
        (
            rule("extension='1'\nmode='always-with-pause'\ngrants=['start','pause']"),
            5,
            "rule 'r'.grants",
            "grant start",
        ),
        (rule("extension='1'\nmode='always'\nwhen={ddi_calls='both'}"), 5, "rule 'r'.when", "names none"),
        (rule("extension='1'\nmode='always'\npriority=101"), 5, "rule 'r'.priority", "less than or equal to 100"),
        # conditions
        (rule("extension='1'\nmode='always'\nwhen={}"), 5, "rule 'r'.when", "table of conditions"),
        (
            rule("extension='1'\nmode='always'\n[rule.when]\n\ndirectoin='inbound'"),
            7,
            "",
            "did you mean 'direction'?",
        ),
        (rule("extension='1'\nmode='always'\n[rule.when.not]\ntime='x'"), 6, "rule 'r'.when.not.time", "days are"),
        (rule("extension='1'\nmode='always'\nwhen={any=[{time='x'}]}"), 5, "rule 'r'.when.any 1.time", "days are"),
        # machinery
        ("[[pbx]]\nname='main'\n", 1, "pbx 'main'.ami", "missing"),
        (PBX + "driver = 'astersik'\n", 4, "pbx 'main'.driver", "did you mean 'asterisk'?"),
        (PBX + "monitor_dir = '/a,b'\n", 4, "pbx 'main'.monitor_dir", "absolute path of letters"),
        (PBX + "monitor_dir = '/a/../b'\n", 4, "pbx 'main'.monitor_dir", "absolute path"),
        (PBX + "monitor_dir = 'a'\n", 4, "pbx 'main'.monitor_dir", "absolute path"),
        (PBX.replace("main", "ma in"), 2, "pbx 'ma in'.name", "begins every call's id"),
        (PBX.replace('secret = "s3cret"', 'secret = "s", port = 70000'), 3, "pbx 'main'.ami.port", "65535"),
        (
            PBX.replace('secret = "s3cret"', "port = 1"),
            3,
            "pbx 'main'.ami",
            "one of secret_file, secret_env or secret",
        ),
        (PBX.replace('"s3cret"', '"s", secret_env = "X"'), 3, "pbx 'main'.ami", "one of secret_file"),
        (PBX.replace('"s3cret"', '"a\\r\\nb"'), 3, "pbx 'main'.ami", "control characters"),
        (
            PBX.replace('secret = "s3cret"', 'secret_env = "ONRECORD_NO"'),
            3,
            "pbx 'main'.ami.secret_env",
            "ONRECORD_NO",
        ),
        (
            PBX.replace('secret = "s3cret"', 'secret_file = "/no/x"'),
            3,
            "pbx 'main'.ami.secret_file",
            "cannot be read",
        ),
        (PBX + 'ari = { url = "localhost", secret = "s" }\n', 4, "pbx 'main'.ari.url", "http://host:port"),
        ("[log]\nlevel='warn'\n", 2, "log.level", "did you mean 'warning'?"),
    ],
)
def test_one_mistake_is_one_message_at_its_line_that_says_what_would_be_right(
    text: str, line: int, key: str, clue: str
) -> None:
    (problem,) = mistakes(text)
    assert clue in problem.what
    assert problem.line == line
    assert problem.key.startswith(key)


@pytest.mark.parametrize(
    ("text", "line", "clue"),
    [
        ('[organisation]\nname = "x\n', 2, "column"),
        ("a = \n", 1, "column 5"),
        ("[[extension]]\nnumber = 0205550123\n", 2, "telephone numbers must be in quotes"),
        ("[numbers]\nhelplines = [116123, 0800]\n", 2, "telephone numbers must be in quotes"),
        ("[numbers]\nhelplines = [+44205]x\n", 2, "telephone numbers must be in quotes"),
        ("[numbers]\n[numbers]\n", 2, "column"),
        ('[numbers]\ncountry = "GB"\ncountry = "FR"\n', 3, "overwrite"),
        ("[[rule]]\n[rule]\n", 2, "column"),
        ("x = [1, 2\n", 1, "at the end"),
    ],
)
def test_what_is_no_toml_is_told_by_line_and_column(text: str, line: int, clue: str) -> None:
    (problem,) = mistakes(text)
    assert problem.line == line
    assert clue in problem.what


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        '[decide]\ntie_break = "recrod"\n'
        '[[rule]]\nname = "a"\ntrunk = "x"\nmode = "alwys"\n'
        '[[rule]]\nname = "a"\nextension = "9-1"\nmode = "always"\nwhen = { time = "x", site = 3, dialled = "q" }\n'
        '[[pbx]]\nname = "main"\nami = { sercet = "x" }\nhots = "y"\n'
    )
    found = mistakes(text)
    assert [problem.line for problem in found] == [2, 5, 6, 8, 9, 11, 11, 11, 14, 15]


def test_a_message_reads_as_compilers_write_it_and_never_holds_a_secret() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(PBX.replace('"s3cret"', '"s3cret", port = "x"'), PATH)
    assert str(caught.value).startswith("onrecord.toml:3: pbx 'main'.ami.port: ")
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(parse(PBX, PATH))


@pytest.mark.parametrize(
    ("content", "line", "clue"),
    [
        (b"[organisation]\n# caf\xe9\n", 2, "save it as UTF-8"),
        (b"a = " + b"[" * 100_000, 0, "nested too deeply"),
        (b"#" * (MOST_BYTES + 1), 0, "larger than 16 MB"),
    ],
)
def test_what_is_no_text_or_monstrous_is_refused(content: bytes, line: int, clue: str, tmp_path: Path) -> None:
    file = tmp_path / "onrecord.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert clue in str(caught.value)
    assert caught.value.problems[0].line == line


def test_a_file_that_is_missing_or_a_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="onrecord init"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


WORDS = st.sampled_from(
    ["name", "number", "extension", "mode", "when", "ami", "site", "endpoints", "time", "any", "x"]
)
VALUES = st.recursive(
    st.text(max_size=5) | st.integers() | st.booleans() | st.floats() | st.sampled_from(["always", "100", "a", "*"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
TABLES = st.sampled_from(
    ["rule", "extension", "trunk", "pbx", "site", "numbers", "defaults", "decide", "line", "ddi"]
)


def toml(value: object) -> str:
    """A value as TOML writes it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return (
                '"' + "".join(f"\\U{ord(letter):08x}" for letter in value if not 0xD800 <= ord(letter) < 0xE000) + '"'
            )
        case list():
            return "[" + ", ".join(toml(one) for one in value) + "]"
        case dict():
            return "{" + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + "}"
        case _:
            return str(value)


@given(st.lists(st.tuples(TABLES, st.booleans(), st.dictionaries(WORDS, VALUES, max_size=4)), max_size=4))
def test_whatever_a_file_says_it_loads_or_is_refused_with_lines(
    tables: list[tuple[str, bool, dict[str, object]]],
) -> None:
    text = ""
    for name, listed, table in tables:
        text += f"[[{name}]]\n" if listed else f"[{name}]\n"
        text += "".join(f"{key} = {toml(value)}\n" for key, value in table.items())
    try:
        parse(text, PATH)
    except ConfigError as error:
        told = error.problems
    else:
        told = ()
    assert all(1 <= problem.line <= text.count("\n") + 1 and problem.what for problem in told)


@given(st.text(max_size=60))
def test_whatever_bytes_a_file_holds_it_is_refused_or_empty(text: str) -> None:
    try:
        parse(text, PATH)
    except ConfigError as error:
        assert error.problems  # noqa: PT017 it may also load: comments do
