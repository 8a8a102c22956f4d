# The same, where the rule follows the customer.

policy
    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always-with-pause"
    when = { traffic = "external" }
    follow_transfer = true

0301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 answers
    > decides: recorded: rule 'Alice's customers' (extension 100, always-with-pause)
    > starts the recorder on 0301234567
10 seconds pass
100 sends 0301234567 to 101
101 rings
3 seconds pass
101 answers
10 seconds pass
0301234567 hangs up
    > keeps 23.7 s for extension 100 (start 0.0)
