"""The lab: a private Asterisk with real phones that place real calls, for the demo and the live tests.

    from controller.lab import Asterisk, carrier, install, phone, sounds

    async with Asterisk.running(install()) as pbx:                      # 0.3 s; own addresses, ports, secrets
        async with phone(pbx, "100") as alice, carrier(pbx, "carrier1") as world:
            alice.auto(say=sounds.tone(700), loop=True)                 # answers every call and speaks
            call = await world.call("0205550100", caller="0301234567", say=sounds.tone(440), loop=True)
            await asyncio.sleep(2)
            call.heard().samples                                        # int16 at 8 kHz: 700 Hz
            call.heard().times                                          # wall clock of each 20 ms
            await call.press("*2")                                      # RFC 4733
            await call.info({"Record": "on"})                           # in-dialog INFO -> status
            await call.hold(); await call.resume(); await call.transfer("101")
            await call.hangup()
        pbx.host, pbx.ami_port, pbx.ami_user, pbx.ami_secret            # least rights; also ari_url, ari_user, …
        pbx.monitor_dir, pbx.host_path("a.wav"), pbx.pbx_path(path)     # where recordings are, from either side
        await pbx.cli("core show channels"); await pbx.restart(); await pbx.kill(); await pbx.start()

In tests use the fixtures of tests/live/conftest.py instead: `asterisk`, `phone`, `carrier`. What can be dialled is
in controller/lab/etc/extensions.conf: 100-119 phones, 600 ring group, 620/630 queues, 800/801 conferences, 500 IVR,
700 park, *8 pickup, *801xx page, *821xx intercom, *97 voicemail, 7 digits or more out by carrier1, 9… by carrier2.
"""

from controller.lab.admin import Admin, Refused
from controller.lab.asterisk import Asterisk, AsteriskFailed
from controller.lab.media import Audio, Line
from controller.lab.phones import Call, CallRefused, MakePhone, Phone, carrier, phone, until
from controller.lab.programs import LabNotSetUp
from controller.lab.software import Install, install

__all__ = [
    "Admin",
    "Asterisk",
    "AsteriskFailed",
    "Audio",
    "Call",
    "CallRefused",
    "Install",
    "LabNotSetUp",
    "Line",
    "MakePhone",
    "Phone",
    "Refused",
    "carrier",
    "install",
    "phone",
    "until",
]
