# Alice is recorded, Carol is not. Alice parks the customer, and Carol fetches him.

policy
    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always"

0301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 answers
    > decides: recorded: rule 'Alice's customers' (extension 100, always)
    > starts the recorder on 0301234567
10 seconds pass
100 parks 0301234567
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
    > stops the recorder on 0301234567
20 seconds pass
102 fetches 0301234567
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, extension 102, and the default is never
10 seconds pass
0301234567 hangs up
    > keeps 10.2 s for extension 100 (start 0.0, stop 10.2)
