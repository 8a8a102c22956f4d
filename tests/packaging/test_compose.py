"""The compose file against the rest of the repository: what it names exists, what it needs is there, no passwords."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from controller.config.load import Config, load
from controller.demo import parts
from controller.demo.policy import RULES
from tests.packaging.compose import CONFIG, FILE, ROOT, document, mount_of, mounts, services

EACH = pytest.mark.parametrize("name", sorted(services()))
SECRET = re.compile(r"passw|secret|token|api_?key", re.IGNORECASE)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The containers' configuration, with passwords where it expects them."""
    folder = tmp_path_factory.mktemp("config")
    for name in ("ami", "ari"):
        (folder / f"{name}.secret").touch(mode=0o600)
        (folder / f"{name}.secret").write_text("x\n")
    text = CONFIG.read_text().replace("/var/lib/onrecord-secrets", str(folder))
    (folder / "onrecord.toml").write_text(text)
    return load(folder / "onrecord.toml")


def test_every_volume_that_is_used_is_declared_and_the_other_way_round() -> None:
    used = {each.source for service in services().values() for each in mounts(service) if each.is_volume}
    assert used == set(document()["volumes"])


@EACH
def test_a_folder_of_the_repository_that_is_mounted_exists_and_cannot_be_written(name: str) -> None:
    for each in mounts(services()[name]):
        if not each.is_volume:
            assert (ROOT / each.source).is_dir()
            assert each.read_only


def test_a_volume_is_found_at_the_same_place_in_each_service() -> None:
    places: dict[str, set[str]] = {}
    for service in services().values():
        for each in mounts(service):
            places.setdefault(each.source, set()).add(each.target)
    assert {source for source, targets in places.items() if len(targets) > 1} == set()


@EACH
def test_the_health_check_is_a_command_that_exists(name: str) -> None:
    kind, *command = services()[name]["healthcheck"]["test"]
    assert kind == "CMD"
    if command[:3] == ["python3", "-m", "controller.demo"]:
        assert command[3] in parts.PARTS
        return
    assert command[0] == "onrecord"
    words = [word for word in command[1:] if not word.startswith("-")]
    told = cli(*words, "--help")
    assert told.returncode == 0, told.stderr
    for option in (word for word in command[1:] if word.startswith("-")):
        assert option in told.stdout


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from controller.cli import main; main()"
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)


@EACH
def test_the_command_is_a_part_that_the_entry_script_knows_or_a_program(name: str) -> None:
    (part, *_) = services()[name]["command"]
    known = re.findall(r"^([a-z |]+)\)$", (ROOT / "packaging/docker/entry.sh").read_text(), re.MULTILINE)
    assert part in {word for line in known for word in line.split(" | ")} or shutil.which(part)


@EACH
def test_who_is_waited_for_exists_and_is_asked_how_it_is(name: str) -> None:
    service = services()[name]
    network = service.get("network_mode", "")
    for other in (*service.get("depends_on", {}), *re.findall(r"^service:(.*)", network)):
        assert other in services()
        assert "healthcheck" in services()[other]


@EACH
def test_nothing_but_volumes_can_be_written_and_no_right_is_left(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    assert not service.get("ports")  # nobody outside reaches the demo's PBX


@EACH
def test_images_are_of_this_version_and_built_from_a_stage_that_exists(name: str) -> None:
    service = services()[name]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert service["image"].rpartition(":")[2] == version
    text = (ROOT / service["build"]["dockerfile"]).read_text()
    assert re.search(rf"^FROM \S+ AS {service['build']['target']}$", text, re.MULTILINE)


def test_no_file_holds_a_password() -> None:
    def look(value: Any, where: str) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                path = f"{where}.{key}"
                declared = where == ".volumes" and each is None
                assert declared or not SECRET.search(str(key)), f"{path}: {each!r}"
                look(each, path)
        elif isinstance(value, list):
            for each in value:
                look(each, where)
        elif isinstance(value, str):
            assert not re.search(rf"({SECRET.pattern})\w*=", value, re.IGNORECASE), f"{where}: {value}"

    look(document(), "")
    assert not re.search(r"\$\{?[A-Z_]*(PASSW|SECRET)", FILE.read_text())
    for pbx in tomllib.loads(CONFIG.read_text())["pbx"]:
        for table in ("ami", "ari"):
            assert "secret" not in pbx[table]
            assert mount_of(services()["controller"], pbx[table]["secret_file"]) is not None


def test_all_that_the_controller_writes_is_in_a_volume(config: Config) -> None:
    service = services()["controller"]
    places = (
        config.spool.folder,
        config.store.folder,
        config.journal.folder,
        config.catalogue.file,
        config.control.socket,
        config.pbxs[0].folder,
    )
    for place in places:
        mount = mount_of(service, str(place))
        assert mount is not None, place
        assert mount.is_volume, place
        assert not mount.read_only, place


def test_files_are_moved_within_one_volume_from_the_pbx_to_the_spool(config: Config) -> None:
    pbx, controller = services()["asterisk"], services()["controller"]
    written = mount_of(pbx, config.pbxs[0].monitor_dir)
    taken = mount_of(controller, str(config.spool.folder))
    assert written is not None
    assert written == taken == mount_of(controller, str(config.pbxs[0].folder))


def test_the_controller_looks_for_the_pbx_where_the_demo_puts_it(config: Config) -> None:
    pbx = config.pbxs[0]
    assert pbx.host.startswith(f"{parts.NET}.")
    assert pbx.ari is not None
    assert pbx.ari.url.startswith(f"http://{parts.NET}.1:")
    named = {mount.target for mount in mounts(services()["phones"])}
    assert str(Path(config.control.socket).parent) in named
    assert config.warnings == ()


def test_the_containers_have_the_rules_of_the_demo(config: Config, tmp_path: Path) -> None:
    (tmp_path / "demo.toml").write_text(RULES)
    assert config.policy.rules == load(tmp_path / "demo.toml").policy.rules
