"""Makes the private root folder: a small Debian with Asterisk in it, beside whatever the machine has."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from controller.lab import mirror, programs
from controller.lab.programs import LabNotSetUp, Say

SUITE = "forky"
"""The Debian suite that carries Asterisk 22; Debian 12 and 13 carry none."""

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MARKER = "onrecord-lab.json"
WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""In front of a command: the kernel ends it when the process that started it ends, however that ends."""
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
MEMORY = Path("/dev/shm")  # noqa: S108  # a mount point, below which ours have names of their own
"""A file system in memory, on every Linux."""
GROUND = "srv/onrecord"
"""Below the root: one folder for each running instance."""

USER_NAMESPACES = """\
an ordinary user needs user namespaces to make and to enter the private root folder. What is missing here: {reason}.
Put that right, or run the set-up once as root, or point ONRECORD_ASTERISK at an installed Asterisk 20 or later."""


def marker(root: Path) -> dict[str, str]:
    """What the whole root folder says of itself; empty when there is none, or only a part of one."""
    try:
        return dict(json.loads((root / MARKER).read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def entrance(root: Path) -> tuple[str, ...]:
    """The words in front of a command that run it inside the root, and let it die with us.

    As an ordinary user this needs a user namespace; device files can't be made there, so ours are lent: /dev/shm is
    then the same inside and outside.
    """
    # Debian leaves /usr/sbin out of an ordinary user's PATH, and of root's after a plain `su`.
    chroot = shutil.which("chroot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "chroot"
    fate = (*WITH_US, chroot, str(root))
    if os.geteuid() == 0:
        return fate
    lend = f'mount --rbind /dev "$0/dev" && exec setpriv --pdeathsig KILL {chroot} "$0" "$@"'
    return (*UNSHARE, "sh", "-c", lend, str(root))


def user_namespace_trouble() -> str:
    """Why an ordinary user cannot use namespaces here; empty when he can, or is root."""
    if os.geteuid() == 0:
        return ""
    if shutil.which("newuidmap") is None:
        return "newuidmap (sudo apt-get install uidmap)"
    user = pwd.getpwuid(os.geteuid()).pw_name
    subuid = Path("/etc/subuid")
    if not subuid.exists() or f"{user}:" not in subuid.read_text():
        return f"a range in /etc/subuid (sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user})"
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    return f"leave of the kernel ({tried.stderr.strip()})" if tried.returncode else ""


def make(root: Path, say: Say) -> dict[str, str]:
    """Make it, whole or not at all, and return its marker. About half a minute and 340 MB. Raises LabNotSetUp."""
    programs.ensure(["mmdebstrap"] if os.geteuid() == 0 else ["mmdebstrap", "newuidmap"], say)
    if trouble := user_namespace_trouble():
        raise LabNotSetUp(USER_NAMESPACES.format(reason=trouble))
    source = _source()
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="root.new-", dir=root.parent) as folder:
        fresh = Path(folder) / "root"
        try:
            _bootstrap(fresh, source, [], say)
        except ExpiredRelease:
            say("WARNING: the mirror's release file has expired; making the lab from it all the same")
            _bootstrap(fresh, source, ['--aptopt=Acquire::Check-Valid-Until "false"'], say)
        ground = fresh / GROUND
        ground.mkdir(parents=True, exist_ok=True)
        ground.chmod(0o1777)  # made by root once, usable by everybody
        facts = {
            "suite": SUITE,
            "asterisk": _version(fresh),
            "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        (fresh / MARKER).write_text(json.dumps(facts))
        if root.exists():
            shutil.rmtree(root)
        fresh.chmod(0o755)
        fresh.rename(root)
    return facts


class ExpiredRelease(Exception):
    """The mirror has not been refreshed for so long that apt refuses it."""


def _source() -> str:
    """The line for sources.list: this machine's own mirror, the lab's suite."""
    codename = programs.os_release().get("VERSION_CODENAME", "")
    found = mirror.debian(mirror.sources(), codename)
    if found is None:
        raise LabNotSetUp(
            f"no Debian archive for {codename or 'this system'} in /etc/apt, so nowhere to get Asterisk from: "
            "install Asterisk 20 or later and set ONRECORD_ASTERISK to its program"
        )
    signed = str(KEYRING) if KEYRING.exists() else found.signed_by
    option = f"[signed-by={signed}] " if signed else ""
    return f"deb {option}{found.uri} {SUITE} main"


def _proxies() -> Iterator[str]:
    """The proxy settings of this machine's apt: mmdebstrap reads none of its configuration."""
    printed = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    for line in printed.splitlines():
        if line.lower().startswith(("acquire::http::proxy", "acquire::https::proxy")) and '""' not in line:
            yield f"--aptopt={line.rstrip(';')}"


def _bootstrap(fresh: Path, source: str, options: list[str], say: Say) -> None:
    """Run mmdebstrap. As an ordinary user by way of a tar file, so that the folder's files are his own."""
    own = os.geteuid() == 0
    target = fresh if own else fresh.with_suffix(".tar")
    shutil.rmtree(fresh, ignore_errors=True)
    command = [
        "mmdebstrap",
        f"--mode={'root' if own else 'unshare'}",
        "--variant=apt",
        f"--format={'directory' if own else 'tar'}",
        "--include=asterisk",
        *_proxies(),
        *options,
        SUITE,
        str(target),
        source,
    ]
    lines: list[str] = []
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr or ():
            lines.append(line)
            if line.startswith("I: ") and "received signal" not in line and ("..." in line or "success" in line):
                say(f"Asterisk's root folder: {line[3:].strip()}")
    if process.returncode:
        if any("is expired" in line or "not valid any more" in line for line in lines):
            raise ExpiredRelease
        raise LabNotSetUp("mmdebstrap failed:\n" + "".join(lines[-20:]))
    if not own:
        say("Asterisk's root folder: unpacking")
        _unpack(target, fresh)


def _unpack(packed: Path, fresh: Path) -> None:
    """Without its device files, which an ordinary user cannot make; `entrance` lends the machine's own."""
    fresh.mkdir()
    command = ["tar", "--extract", "--file", str(packed), "--directory", str(fresh), "--exclude=./dev/*"]
    done = subprocess.run([*command, "--no-same-owner"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabNotSetUp(f"unpacking failed:\n{done.stderr[-2000:]}")
    packed.unlink()


def _version(root: Path) -> str:
    printed = subprocess.run(
        [*entrance(root), "/usr/sbin/asterisk", "-V"], capture_output=True, text=True, check=False
    )
    if printed.returncode:
        raise LabNotSetUp(f"the Asterisk in {root} does not run: {printed.stderr.strip()}")
    return printed.stdout.split()[-1]
