# A recorder that dies on its own is replaced, and the recording says when.

policy
    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always-with-pause"
    when = { traffic = "external" }

0301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 answers
    > decides: recorded: rule 'Alice's customers' (extension 100, always-with-pause)
    > starts the recorder on 0301234567
10 seconds pass
the recorder dies
10 seconds pass
    > starts the recorder on 0301234567
0301234567 hangs up
    > keeps 20.2 s for extension 100 (start 0.0, lost 10.2, start 10.4)
