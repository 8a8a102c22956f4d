"""The starter file and the examples load, and the example of everything leaves nothing out."""

import re
import tomllib
from pathlib import Path

import pytest

from controller.config import models
from controller.config.load import Config, load, parse
from controller.config.machinery import Ami, Ari, Pbx
from controller.config.starter import starter
from controller.config.tables import LISTS, SINGLE
from controller.core.combinations import COMBINATIONS
from controller.core.conditions import CONDITIONS
from controller.core.decision import Mode
from controller.core.policy import decide
from tests.core.situations import inbound, internal, queued

EXAMPLES = Path("docs/examples")


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the secrets that the examples name."""
    for name in ("ami.secret", "ari.secret", "url-key.secret", "hep.secret"):
        (tmp_path / name).write_text("a secret of many letters\n")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("BRANCH_AMI_SECRET", "s3cret")
    return tmp_path


def example(name: str, folder: Path) -> Config:
    (folder / name).write_text((EXAMPLES / name).read_text().replace("/etc/onrecord/", f"{folder}/"))
    return load(folder / name)


@pytest.mark.parametrize("name", ["small-office.toml", "everything.toml"])
def test_every_example_loads_without_a_doubt(name: str, loaded: Path) -> None:
    assert example(name, loaded).warnings == ()


def test_every_example_is_tested() -> None:
    assert {path.name for path in EXAMPLES.glob("*.toml")} == {"small-office.toml", "everything.toml"}


def test_the_starter_loads_once_its_secrets_are_there_and_lets_people_record(loaded: Path) -> None:
    file = loaded / "onrecord.toml"
    file.write_text(starter().replace("/etc/onrecord/", f"{loaded}/"))
    config = load(file)
    assert config.warnings == ()
    assert decide(config.policy, internal()).mode is Mode.ON_DEMAND


def test_the_example_of_everything_uses_every_key_and_every_condition() -> None:
    raw = tomllib.loads((EXAMPLES / "everything.toml").read_text())
    assert set(raw) == {*SINGLE, *LISTS}
    for name, kind in {**SINGLE, **LISTS}.items():
        entries = raw[name] if isinstance(raw[name], list) else [raw[name]]
        used = {key for entry in entries for key in entry}
        wanted = set(kind.model_fields)
        if kind is models.Site:
            wanted = {"name", "time_zone", "mode", "codes"}
        assert wanted <= used, f"[{name}] leaves out {sorted(wanted - used)}"
    doors = [pbx[door] for pbx in raw["pbx"] for door in ("ami", "ari") if door in pbx]
    assert {*Ami.model_fields, *Ari.model_fields} - {"secret"} <= {key for door in doors for key in door}
    assert set(Pbx.model_fields) <= {key for pbx in raw["pbx"] for key in pbx}
    text = (EXAMPLES / "everything.toml").read_text()
    for condition in (*CONDITIONS, *COMBINATIONS):
        assert f"{condition} = " in text, condition


def test_the_small_office_does_what_its_comments_say(loaded: Path) -> None:
    policy = example("small-office.toml", loaded).policy
    assert decide(policy, inbound("101")).mode is Mode.ON_DEMAND
    assert decide(policy, internal("101", "102")).mode is Mode.NEVER
    assert decide(policy, inbound("100")).reason == (
        "not recorded: rule 'the owner's phone is private' (extension 100, never)"
    )
    assert decide(policy, queued("sales")).mode is Mode.ALWAYS_WITH_PAUSE
    assert decide(policy, inbound("101", number="116123")).hidden


def test_every_piece_of_policy_in_the_guide_loads() -> None:
    pieces = re.findall(r"```toml\n(.*?)```", Path("docs/policy.md").read_text(), re.DOTALL)
    assert len(pieces) >= 5
    people = '[[extension]]\nnumber = "101"\nname = "Bob Example"\n'
    for piece in pieces:
        assert parse(people + piece, Path("policy.md")).warnings == ()
