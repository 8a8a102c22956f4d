# What the customer hears before anybody answers is recorded too, and kept only because the rule says so.

policy
    [[rule]]
    name = "Ivan"
    extension = "111"
    mode = "always"
    start = "ring"
    keep_unanswered = true

0301234567 calls 0205550111 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550111, and the default is never
111 rings
    > decides: recorded: rule 'Ivan' (extension 111, always)
    > starts the recorder on 0301234567
15 seconds pass
0301234567 hangs up
    > keeps 15.2 s for extension 111 (start 0.0)
