# The policy leaves announcing to the regions: between two Dutch parties the other side is told, and that is all.

policy
    [defaults]
    announce_inbound = "region"
    [[rule]]
    name = "all"
    extension = "*"
    mode = "always"

0301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 answers
    > decides: recorded: rule 'all' (extension 100, always)
5 seconds pass
    > lets 0301234567 hear: recorded
    > starts the recorder on 0301234567
10 seconds pass
0301234567 hangs up
    > keeps 13.3 s for extension 100 (start 0.0)
