# Alice's call is recorded because of Alice. She sends the customer to Bob, and it ends.

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
100 sends 0301234567 to 101
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
    > stops the recorder on 0301234567
101 rings
3 seconds pass
101 answers
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, extension 101, and the default is never
10 seconds pass
0301234567 hangs up
    > keeps 10.2 s for extension 100 (start 0.0, stop 10.2)
