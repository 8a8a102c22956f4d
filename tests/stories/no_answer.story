# The PBX hangs: it answers nothing. Nobody waits for it longer than fifteen seconds.

policy
    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always-with-pause"
    when = { traffic = "external" }

the PBX answers nothing
0301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 answers
    > decides: recorded: rule 'Alice's customers' (extension 100, always-with-pause)
    > starts the recorder on 0301234567: no answer
8 seconds pass
the PBX answers again
20 seconds pass
    > starts the recorder on 0301234567
0301234567 hangs up
    > keeps 13.2 s for extension 100 (failed -0.2, start 0.0)
