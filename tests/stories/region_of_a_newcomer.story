# Two Dutch parties talk, recorded; then a German one is connected: from then on his region's rule counts as well.
# Who has been told already is asked for what he has not heard yet.

policy
    [defaults]
    announce_outbound = "region"
    beep = "region"
    [[rule]]
    name = "outside"
    trunk = "*"
    mode = "always"

100 calls 0301234567 through carrier1
    > decides: not recorded: no rule wants extension 100, and the default is never
0301234567 answers
    > decides: recorded: rule 'outside' (trunk carrier1, always)
10 seconds pass
    > lets 0301234567 hear: recorded
    > starts the recorder on 0301234567
    > beeps on 0301234567 every 15.5 s (1400/500)
100 calls 0049301234567 through carrier2
    > 100's call: decides: not recorded: no rule wants extension 100, and the default is never
0049301234567 answers
    > 100's call: decides: recorded: rule 'outside' (trunk carrier2, always)
2 seconds pass
    > 100's call: lets 100 (second leg) hear: opt-in
    > 100's call: lets 0049301234567 hear: opt-in
0049301234567 types 1
100 types 1
    > 100's call: starts the recorder on 0049301234567
    > 100's call: beeps on 0049301234567 every 15.08 s (1400/80)
5 seconds pass
100 connects 0301234567 with 0049301234567
    > 100's call: stops the recorder on 0301234567
    > 100's call: ends the beeps on 0301234567
    > 100's call: stops the recorder on 0049301234567
4 seconds pass
    > lets 0301234567 hear: opt-in
0301234567 types 1
    > starts the recorder on 0301234567
    > beeps on 0301234567 every 15.08 s (1400/80)
10 seconds pass
0301234567 hangs up
    > keeps 26.5 s for trunk carrier1, trunk carrier2 (start 0.0, beep 0.0, blank 16.3, stop 16.3, agreed 20.8, unblank 20.8, start 20.8, beep 20.8)
    > keeps 5.2 s for trunk carrier1, trunk carrier2 (start 0.0, beep 0.0, stop 5.2)
