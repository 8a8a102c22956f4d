"""The wheel, installed in a fresh environment outside the repository: the program and its data are there."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("controller", "hardware", "dialplan", "prompts")
TWINS = {"pydantic-core": "pydantic"}
"""What is released together with a package that is declared, each fit for the other alone."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The wheel, and an environment that has nothing of ours but it."""

    wheel: Path
    environment: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A program of the environment, in a folder where the repository is not."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        program = str(self.environment / "bin" / command[0])
        return subprocess.run(
            [program, *command[1:]],
            cwd=self.environment,
            env=kept,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built and installed by pip. What we depend on comes from the environment of the tests, so that no network is
    needed; that it is declared is a test of its own."""
    place = tmp_path_factory.mktemp("wheel")
    environment = place / "environment"
    venv.create(environment, with_pip=True)
    (borrowed,) = environment.glob("lib/python*/site-packages")
    # By a path in a .pth, whose own .pth files are not read: so the repository's editable install stays out.
    (borrowed / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    made = Installed(place, environment)
    quiet = ("pip", "--disable-pip-version-check", "--quiet")
    built = made.run(*quiet, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(place), str(ROOT))
    assert built.returncode == 0, built.stderr
    (wheel,) = place.glob("onrecord-*.whl")
    done = made.run(*quiet, "install", "--no-deps", "--no-index", "--ignore-installed", str(wheel))
    assert done.returncode == 0, done.stderr
    return Installed(wheel, environment)


def test_it_holds_every_file_of_the_packages(installed: Installed) -> None:
    told = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", *PACKAGES], capture_output=True, text=True, check=False
    )
    if told.returncode:
        pytest.skip("not a git repository: what belongs to the packages is unknown")
    here = {name for name in told.stdout.splitlines() if (ROOT / name).exists()}
    assert len(here) > 100
    assert here - set(zipfile.ZipFile(installed.wheel).namelist()) == set()


def test_it_is_that_wheel_which_runs_and_not_the_repository(installed: Installed) -> None:
    told = installed.run("python", "-c", "import controller, hardware; print(controller.__file__, hardware.__file__)")
    assert [Path(each).is_relative_to(installed.environment) for each in told.stdout.split()] == [True, True]


def test_the_program_says_what_it_can_do(installed: Installed) -> None:
    told = installed.run("onrecord", "--help")
    assert told.returncode == 0, told.stderr
    for command in ("run", "why", "explain", "list", "check"):
        assert re.search(rf"\b{command}\b", told.stdout)


def test_the_policy_can_be_asked(installed: Installed) -> None:
    example = str(ROOT / "docs" / "examples" / "small-office.toml")
    asked = ("onrecord", "why", "-c", example, "--from", "07700900123", "--to", "101", "--trunk", "carrier1")
    told = installed.run(*asked)
    assert told.returncode == 0, told.stderr
    assert "people may record" in told.stdout
    assert "sales queue" in installed.run(*asked, "--queue", "sales").stdout


def test_the_prompts_and_the_regions_come_with_it(installed: Installed) -> None:
    told = installed.run("onrecord", "prompt", "check")
    assert told.returncode == 0, told.stderr
    assert "9 prompts in 8 languages: all there" in told.stdout


def test_the_families_of_phones_come_with_it(installed: Installed) -> None:
    (installed.environment / "phones").mkdir()
    told = installed.run("python", "-m", "hardware.phones", str(installed.environment / "phones"))
    assert told.returncode == 0, told.stderr
    written = {page.name: page.read_text() for page in (installed.environment / "phones").iterdir()}
    assert written == {page.name: page.read_text() for page in (ROOT / "docs" / "phones").iterdir()}


def test_what_init_puts_into_a_pbx_comes_with_it(installed: Installed) -> None:
    etc = installed.environment / "asterisk"
    etc.mkdir()
    for name in ("asterisk", "manager", "extensions", "features"):
        (etc / f"{name}.conf").touch()
    told = installed.run("onrecord", "init", "--asterisk", str(etc), "--config", str(etc / "onrecord.toml"))
    assert told.returncode == 0, told.stderr
    offered = {path.name for path in (ROOT / "dialplan" / "asterisk").glob("*.conf")}
    assert offered
    assert all(name in told.stdout for name in offered)


def test_a_catalogue_can_be_made_and_asked(installed: Installed) -> None:
    """The steps of the database are files too, which only Alembic looks for."""
    told = installed.run(
        "python",
        "-c",
        "import asyncio, pathlib\n"
        "from controller.catalogue.database import open_catalogue\n"
        "from controller.catalogue.search import list_calls\n"
        "async def main():\n"
        "    catalogue = await open_catalogue(pathlib.Path('c.sqlite'))\n"
        "    print(len(await list_calls(catalogue)))\n"
        "    await catalogue.close()\n"
        "asyncio.run(main())\n",
    )
    assert (told.returncode, told.stdout) == (0, "0\n"), told.stderr


def test_the_lab_of_the_demo_has_its_templates(installed: Installed) -> None:
    told = installed.run(
        "python",
        "-c",
        "from importlib.resources import files\n"
        "print([each.name for each in files('controller.lab').joinpath('etc').iterdir()])",
    )
    assert "pjsip.conf" in told.stdout
    used = installed.run("python", "-m", "controller.demo")
    assert (used.returncode, "usage:" in used.stderr) == (2, True), used.stderr


def test_every_package_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = (project["dependencies"], *project["optional-dependencies"].values())
    declared = {_plain(re.split(r"[\[<>=~! ]", each)[0]) for lines in lists for each in lines}
    names = packages_distributions()
    for name in sorted(_imported()):
        candidates = {TWINS.get(_plain(each), _plain(each)) for each in names.get(name, [name])}
        assert candidates & declared, f"{name} is imported, and no dependency brings it"


def _imported() -> set[str]:
    found: set[str] = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    found |= {each.name.partition(".")[0] for each in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - set(PACKAGES)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
