"""PBX drivers: a literal list, name -> where it is."""

DRIVERS = {
    "asterisk": "controller.pbx.asterisk.driver:AsteriskDriver",
    "paper": "controller.pbx.paper:PaperPbx",
}
