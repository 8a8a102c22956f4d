# The dialplan knows more about a caller than his number.

policy
    [[rule]]
    name = "gold customers"
    extension = "*"
    mode = "always"
    when = { attribute = { tier = "gold" } }

0301234567 calls 0205550101 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550101, and the default is never
the dialplan says tier=gold
101 answers
    > decides: recorded: rule 'gold customers' (extension 101, always)
    > starts the recorder on 0301234567
10 seconds pass
0301234567 hangs up
    > keeps 10.2 s for extension 101 (start 0.0)

0307654321 calls 0205550101 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550101, and the default is never
the dialplan says tier=silver
101 answers
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550101, extension 101, and the default is never
10 seconds pass
0307654321 hangs up
    > lists it, not recorded: no rule wants trunk carrier1, ddi +31205550101, extension 101, and the default is never
