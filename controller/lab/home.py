"""What the configurations of controllers beside the lab's PBX have in common: the PBX, and a home for their files."""

from __future__ import annotations

from controller.lab.asterisk import Asterisk

HOME = """
[spool]
folder = "spool"
[store]
folder = "store"
[journal]
folder = "journal"
[catalogue]
file = "catalogue.sqlite"
[control]
socket = "control.sock"
"""
"""All of a controller's files in the folder of its configuration."""


def pbx_table(pbx: Asterisk, name: str = "main") -> str:
    """The table for a PBX of the lab. More lines may follow it."""
    return f"""
[[pbx]]
name = "{name}"
host = "{pbx.host}"
ami = {{ port = {pbx.ami_port}, user = "{pbx.ami_user}", secret = "{pbx.ami_secret}" }}
ari = {{ url = "{pbx.ari_url}", user = "{pbx.ari_user}", secret = "{pbx.ari_secret}" }}
monitor_dir = "{pbx.pbx_path(pbx.monitor_dir)}"
spool_dir = "{pbx.monitor_dir}"
provisional_dir = "{pbx.memory_path}"
provisional_folder = "{pbx.memory_dir}"
"""
