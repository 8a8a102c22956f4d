"""The doctor's look at the folder in memory for what nobody has asked to keep yet."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller import ram
from controller.app import build
from controller.config.load import load
from controller.config.memory import check_memory
from controller.config.problems import ConfigError
from controller.doctor import memory
from controller.doctor.checks import HERE
from controller.doctor.finding import Finding, Status
from controller.lab.home import HOME
from tests.doctor.paper import RULES, configuration

(CHECK,) = (check for check in HERE if check.name == "memory")
KEEP = RULES.replace('"always"', '"on-demand-keep"')


@pytest.fixture
def shared() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="onrecord-test-", dir="/dev/shm") as folder:
        Path(folder).chmod(0o2770)
        yield Path(folder)


def run(home: Path, folder: str, rules: str = KEEP) -> list[Finding]:
    found = CHECK.run(configuration(home, rules, f'provisional_dir = "{folder}"'))
    assert isinstance(found, list)
    return found


def test_a_folder_in_memory_with_room_is_well(tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "swaps", list)
    (found,) = run(tmp_path, str(shared))
    assert found.status is Status.OK, found
    assert "calls at a time" in found.what


def test_a_folder_on_a_disk_is_a_fault_that_names_what_to_mount(tmp_path: Path) -> None:
    (found,) = run(tmp_path, str(tmp_path))
    assert (found.status, "is on a disk" in found.what) == (Status.FAIL, True)
    assert f"mount -t tmpfs -o noswap,size=1g tmpfs {tmp_path}" in found.remedy


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path, shared: Path) -> None:
    (found,) = run(tmp_path, str(shared / "none"))
    assert found.status is Status.FAIL
    assert "is not there" in found.what


def test_memory_that_may_be_swapped_to_a_disk_is_told_with_the_disk(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "SWAPS", tmp_path / "swaps")
    (tmp_path / "swaps").write_text("Filename Type Size Used Priority\n/dev/sda3 partition 8388604 0 -2\n")
    monkeypatch.setattr(ram, "mount_of", lambda _folder: ram.Mount("tmpfs", frozenset({"rw"})))
    (found,) = run(tmp_path, str(shared))
    assert (found.status, found.measured["swaps"]) == (Status.WARN, ["/dev/sda3"])
    monkeypatch.setattr(ram, "mount_of", lambda _folder: ram.Mount("tmpfs", frozenset({"rw", "noswap"})))
    assert run(tmp_path, str(shared))[0].status is Status.OK


@pytest.mark.parametrize(("mode", "said"), [(0o2775, "everybody"), (0o3770, "sticky bit")])
def test_rights_that_let_strangers_in_or_keep_asterisk_out_are_faults(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch, mode: int, said: str
) -> None:
    monkeypatch.setattr(memory, "swaps", list)
    shared.chmod(mode)
    (found,) = run(tmp_path, str(shared))
    assert found.status is Status.FAIL
    assert said in found.what


def test_a_small_one_is_told_with_how_many_calls_it_holds(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "swaps", list)
    monkeypatch.setattr(memory, "FEW_CALLS", 1 << 50)
    (found,) = run(tmp_path, str(shared))
    assert found.status is Status.WARN
    assert "size=1g" in found.remedy


def test_no_folder_at_all_is_a_warning_that_it_is_in_the_clear(tmp_path: Path) -> None:
    (found,) = run(tmp_path, "")
    assert found.status is Status.WARN
    assert "in the clear" in found.what


def test_without_a_rule_that_needs_it_nothing_is_looked_at(tmp_path: Path) -> None:
    (found,) = run(tmp_path, str(tmp_path), RULES)
    assert found.status is Status.SKIPPED


async def test_the_controller_does_not_start_with_a_folder_on_a_disk(tmp_path: Path) -> None:
    config = configuration(tmp_path, KEEP, f'provisional_dir = "{tmp_path}"')
    with pytest.raises(ConfigError, match=r"pbx main, provisional_dir: a rule .* is on a disk"):
        await build(config)
    check_memory(configuration(tmp_path, RULES, f'provisional_dir = "{tmp_path}"'))


def test_where_the_kernel_knows_it_noswap_is_seen(tmp_path: Path) -> None:
    command = ["mount", "-t", "tmpfs", "-o", "noswap,size=1m", "onrecord-test", str(tmp_path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("mounting takes root, and noswap Linux 6.4")
    try:
        assert ram.trouble(tmp_path) == ""
        assert not ram.mount_of(tmp_path).may_be_swapped
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)  # noqa: S603, S607


async def test_new_rules_that_need_a_folder_in_memory_are_refused_and_the_old_ones_stay(tmp_path: Path) -> None:
    pbx = f'[[pbx]]\nname = "main"\nami = {{ secret = "x" }}\nprovisional_dir = "{tmp_path}"\n'
    file = tmp_path / "onrecord.toml"
    file.write_text(RULES + pbx + HOME)
    app = await build(load(file))
    try:
        before = app.engine.policy
        file.write_text(KEEP + pbx + HOME)
        app.reload()
        assert "provisional_dir" in app.refused
        assert app.engine.policy is before
    finally:
        app.journal.close()
        await app.catalogue.close()
        assert app.lock is not None
        app.lock.release()
