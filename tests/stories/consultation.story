# Alice asks Carol something while the customer waits, and comes back. The question is a call of its own.

policy
    [[rule]]
    name = "Alice's calls"
    extension = "100"
    mode = "always"

0301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 answers
    > decides: recorded: rule 'Alice's calls' (extension 100, always)
    > starts the recorder on 0301234567
10 seconds pass
100 holds 0301234567
100 calls 102
    > 100's call: decides: recorded: rule 'Alice's calls' (extension 100, always)
102 answers
    > 100's call: starts the recorder on 100 (second leg)
10 seconds pass
102 hangs up
    > 100's call: keeps 10.2 s for extension 100 (start 0.0)
100 takes 0301234567 back
10 seconds pass
0301234567 hangs up
    > keeps 30.9 s for extension 100 (start 0.0)
