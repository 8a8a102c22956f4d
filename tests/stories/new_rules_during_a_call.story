# The policy is changed while people talk: it is in force for this call too.

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
the rules change to
    [[rule]]
    name = "nobody"
    extension = "*"
    mode = "never"
    > decides: not recorded: rule 'nobody' (extension 100, never)
    > stops the recorder on 0301234567
5 seconds pass
the rules change to
    [[rule]]
    name = "everybody"
    extension = "*"
    mode = "always"
    > decides: recorded: rule 'everybody' (extension 100, always)
    > starts the recorder on 0301234567
5 seconds pass
0301234567 hangs up
    > keeps 15.4 s for extension 100 (start 0.0, stop 10.2, start 15.4)
