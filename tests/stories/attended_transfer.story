# Bob asks Carol first, then connects the customer with her. Calls with Carol are recorded, Bob's are not.

policy
    [[rule]]
    name = "Carol's calls"
    extension = "102"
    mode = "always"

0301234567 calls 0205550101 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550101, and the default is never
101 answers
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550101, extension 101, and the default is never
10 seconds pass
101 holds 0301234567
101 calls 102
    > 101's call: decides: not recorded: no rule wants extension 101, and the default is never
102 rings
    > 101's call: decides: recorded: rule 'Carol's calls' (extension 102, always)
102 answers
    > 101's call: starts the recorder on 101 (second leg)
5 seconds pass
101 connects 0301234567 with 102
    > 0301234567's call: decides: recorded: rule 'Carol's calls' (extension 102, always)
    > 0301234567's call: starts the recorder on 0301234567
10 seconds pass
0301234567 hangs up
    > keeps 10.2 s for extension 102 (start 0.0)
    > keeps 5.2 s for extension 102 (start 0.0)
