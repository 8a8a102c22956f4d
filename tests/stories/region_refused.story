# A withheld or unlisted number is of an unknown region: who does not agree is not recorded, and the call goes on.

policy
    [defaults]
    announce_inbound = "region"
    [[rule]]
    name = "all"
    extension = "*"
    mode = "always"

0021612345678 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 answers
    > decides: recorded: rule 'all' (extension 100, always)
3 seconds pass
    > lets 0021612345678 hear: opt-in
    > lets 100 hear: opt-in
100 types 1
10 seconds pass
0021612345678 hangs up
    > lists it, not recorded: a party refused to be recorded (rule 'all', always)
