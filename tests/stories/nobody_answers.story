# It rang in vain: nothing is recorded, and the list says that nobody answered.

policy
    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always-with-pause"
    when = { traffic = "external" }

0301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 rings
    > decides: recorded: rule 'Alice's customers' (extension 100, always-with-pause)
20 seconds pass
0301234567 hangs up
    > lists it, not recorded: nobody answered (rule 'Alice's customers', always-with-pause)
