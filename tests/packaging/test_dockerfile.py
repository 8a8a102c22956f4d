"""The Dockerfile read as its builder reads it: known instructions, files that exist, stages in order, no root."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from controller.lab.programs import PACKAGES, PHONES

ROOT = Path(__file__).parents[2]
FILE = ROOT / "packaging" / "docker" / "Dockerfile"
KNOWN = {"CMD", "COPY", "ENTRYPOINT", "ENV", "FROM", "RUN", "STOPSIGNAL", "USER", "WORKDIR"}
FLAG = re.compile(r"--(\S+?)=(\S+)\s+")


@dataclass(frozen=True, slots=True)
class Instruction:
    stage: str
    word: str
    flags: dict[str, str]
    rest: str


def instructions() -> Iterator[Instruction]:
    text = re.sub(r"^\s*#.*\n", "", FILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    stage = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        flags: dict[str, str] = {}
        while found := FLAG.match(rest):
            flags[found[1]] = found[2]
            rest = rest[found.end() :]
        if word == "FROM":
            stage = rest.rpartition(" AS ")[2]
        yield Instruction(stage, word, flags, rest.strip())


ALL = tuple(instructions())
STAGES = tuple(dict.fromkeys(each.stage for each in ALL))
IMAGES = tuple(stage for stage in STAGES if stage != "wheel")


def of(stage: str, word: str) -> list[Instruction]:
    return [each for each in ALL if each.stage == stage and each.word == word]


def test_every_instruction_is_known_and_the_first_says_what_to_build_on() -> None:
    assert {each.word for each in ALL} == KNOWN
    assert ALL[0].word == "FROM"


def test_every_stage_stands_on_a_release_that_is_named() -> None:
    for each in (one for one in ALL if one.word == "FROM"):
        image, name = each.rest.split(" AS ")
        assert name.isidentifier()
        assert re.fullmatch(r"[a-z/]+:[a-z0-9.-]+", image), f"{image} has no tag"
        assert not image.endswith(":latest")


def test_what_is_copied_is_in_the_repository_and_reaches_the_builder() -> None:
    ignored = (FILE.parent / "Dockerfile.dockerignore").read_text().splitlines()
    let_in = [line[1:] for line in ignored if line.startswith("!")]
    assert "*" in ignored
    copied = [source for each in ALL if each.word == "COPY" for source in each.rest.split()[:-1]]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(Path(source).is_relative_to(each) for each in let_in), f"{source} is kept from the builder"


def test_all_that_the_wheel_is_built_of_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = {*project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"], "pyproject.toml"}
    needed |= {project["project"]["readme"], *project["project"]["license-files"]}
    copied = {source for each in of("wheel", "COPY") for source in each.rest.split()[:-1]}
    assert needed <= copied


def test_what_a_stage_takes_from_another_was_built_before() -> None:
    taken = [(each.stage, name) for each in ALL for name in re.findall(r"from=(\w+)", str(each.flags))]
    assert taken
    for stage, name in taken:
        assert STAGES.index(name) < STAGES.index(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_run_is_a_shell_script_without_a_mistake(stage: str) -> None:
    for each in of(stage, "RUN"):
        checked = subprocess.run(["sh", "-n", "-c", each.rest], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, f"{each.rest}: {checked.stderr}"
        for installing in re.findall(r"apt-get install[^&]*", each.rest):
            assert "--no-install-recommends" in installing
            assert "rm -rf /var/lib/apt/lists" in each.rest


@pytest.mark.parametrize("stage", IMAGES)
def test_an_image_runs_its_entry_script_as_an_ordinary_user_with_the_same_number_everywhere(stage: str) -> None:
    (user,) = of(stage, "USER")
    assert user.rest == "onrecord"
    made = " ".join(each.rest for each in of(stage, "RUN"))
    assert "useradd --uid 10001 --gid 10001" in made
    (entry,) = of(stage, "ENTRYPOINT")
    copied = {each.rest.split()[1]: each.flags for each in of(stage, "COPY")}
    path = next(target for target in copied if f'"{Path(target).name}"' in entry.rest)
    assert copied[path] == {"chmod": "755"}
    assert str(Path(path).parent) in of(stage, "ENV")[0].rest


@pytest.mark.parametrize("stage", IMAGES)
def test_every_folder_that_a_volume_covers_belongs_to_that_user(stage: str) -> None:
    """A new volume takes owner and mode from the image's folder; without one it would belong to root."""
    from tests.packaging.compose import mounts, services

    made = next(each.rest for each in of(stage, "RUN") if "install -d" in each.rest)
    words = shlex.split(made.partition("install -d")[2])
    for service in services().values():
        if service["build"]["target"] == stage:
            assert {each.target for each in mounts(service) if each.is_volume} <= set(words)


def test_the_office_has_the_programs_that_the_demo_runs() -> None:
    installed = " ".join(each.rest for each in of("office", "RUN"))
    for program in (*PHONES, "asterisk"):
        assert PACKAGES[program] in installed.split()


def test_no_image_holds_a_password() -> None:
    assert not [each for each in ALL if each.word in ("ARG", "ENV") and re.search(r"(?i)passw|secret", each.rest)]
