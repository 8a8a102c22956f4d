# The trunk is recorded. Bob parks the customer, and Carol fetches him: one recording from beginning to end.

policy
    [[rule]]
    name = "the trunk"
    trunk = "carrier1"
    mode = "always"

0301234567 calls 0205550101 through carrier1
    > decides: recorded: rule 'the trunk' (trunk carrier1, always)
101 answers
    > starts the recorder on 0301234567
10 seconds pass
101 parks 0301234567
20 seconds pass
102 fetches 0301234567
10 seconds pass
0301234567 hangs up
    > keeps 40.6 s for trunk carrier1 (start 0.0)
