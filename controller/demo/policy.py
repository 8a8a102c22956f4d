"""The demo's configuration: its rules, and where the private PBX is."""

from __future__ import annotations

from pathlib import Path

from controller.lab import Asterisk

RULES = """\
# The demo's rules. `onrecord why`, `list`, `show` and `explain` work with this file after the demo.
[organisation]
name = "Demo"
time_zone = "UTC"

[numbers]
country = "NL"
internal = ["1.."]
helplines = ["0800116123"]                # never recorded and never listed

[[trunk]]
name = "carrier1"
[[trunk]]
name = "carrier2"

[[rule]]
name = "Alice's customers"
extension = "100"
mode = "always-with-pause"
when = { traffic = "external" }

[[rule]]
name = "Dave may record"
extension = "103"
mode = "on-demand"

[[rule]]
name = "sales queue"
queue = "sales"
mode = "always"

[[rule]]
name = "board room"
conference = "800"
mode = "always"

[[rule]]
name = "second trunk"
trunk = "carrier2"
mode = "always"

[spool]
folder = "spool"
[store]
folder = "recordings"
[journal]
folder = "journal"
[catalogue]
file = "catalogue.sqlite"
[control]
socket = "control.sock"
"""

PBX = """
[[pbx]]
name = "main"
host = "{host}"
monitor_dir = "{monitor_dir}"
spool_dir = "{spool_dir}"
ami = {{ port = {ami_port}, user = "{ami_user}", secret_file = "ami.secret" }}
ari = {{ url = "{ari_url}", user = "{ari_user}", secret_file = "ari.secret" }}
"""


def write(folder: Path, pbx: Asterisk) -> Path:
    """Write onrecord.toml and the secrets into the folder; returns the control socket's path."""
    for name, secret in (("ami.secret", pbx.ami_secret), ("ari.secret", pbx.ari_secret)):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(secret + "\n")
    table = PBX.format(
        host=pbx.host,
        monitor_dir=pbx.pbx_path(pbx.monitor_dir),
        spool_dir=pbx.monitor_dir,
        ami_port=pbx.ami_port,
        ami_user=pbx.ami_user,
        ari_url=pbx.ari_url,
        ari_user=pbx.ari_user,
    )
    (folder / "onrecord.toml").write_text(RULES + table)
    return folder / "control.sock"
