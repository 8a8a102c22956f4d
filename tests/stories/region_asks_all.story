# A German number: everybody is asked, and nothing is recorded until everybody has agreed.

policy
    [defaults]
    announce_inbound = "region"
    beep = "region"
    [[rule]]
    name = "all"
    extension = "*"
    mode = "always"

0049301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 answers
    > decides: recorded: rule 'all' (extension 100, always)
3 seconds pass
    > lets 0049301234567 hear: opt-in
    > lets 100 hear: opt-in
0049301234567 types 1
1 seconds pass
100 types 1
    > starts the recorder on 0049301234567
    > beeps on 0049301234567 every 15.08 s (1400/80)
10 seconds pass
0049301234567 hangs up
    > keeps 10.2 s for extension 100 (start 0.0, beep 0.0)
    > ends the beeps on 0049301234567
