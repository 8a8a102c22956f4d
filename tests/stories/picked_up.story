# It rings at Bob's, who is not recorded; Alice, who is, picks it up.

policy
    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always"

0301234567 calls 0205550101 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550101, and the default is never
101 rings
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550101, extension 101, and the default is never
5 seconds pass
100 picks it up
    > decides: recorded: rule 'Alice's customers' (extension 100, always)
    > starts the recorder on 0301234567
10 seconds pass
0301234567 hangs up
    > keeps 10.2 s for extension 100 (start 0.0)
