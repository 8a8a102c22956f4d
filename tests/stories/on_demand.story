# Dave decides for himself: he starts, stops and starts again. Two stretches, one recording.

policy
    [[rule]]
    name = "Dave may record"
    extension = "103"
    mode = "on-demand"

0301234567 calls 0205550103 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550103, and the default is never
103 answers
    > decides: recorded on demand: rule 'Dave may record' (extension 103, on-demand)
5 seconds pass
103 presses record
    > starts the recorder on 0301234567
10 seconds pass
103 presses record
103 presses stop
    > stops the recorder on 0301234567
10 seconds pass
103 presses record
    > starts the recorder on 0301234567
10 seconds pass
103 hangs up
    > keeps 20.5 s for extension 103 (start 0.0, stop 10.3, start 20.5)
