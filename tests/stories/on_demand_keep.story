# Everything Dave says is captured, but stays only where he asked for it before the end.

policy
    [[rule]]
    name = "Dave may keep"
    extension = "103"
    mode = "on-demand-keep"

0301234567 calls 0205550103 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550103, and the default is never
103 answers
    > decides: recorded: rule 'Dave may keep' (extension 103, on-demand-keep)
    > starts the recorder on 0301234567
20 seconds pass
103 presses record
10 seconds pass
103 hangs up
    > keeps 30.4 s for extension 103 (start 0.0)

0301234567 calls 0205550103 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550103, and the default is never
103 answers
    > decides: recorded: rule 'Dave may keep' (extension 103, on-demand-keep)
    > starts the recorder on 0301234567
20 seconds pass
103 hangs up
    > drops 20.2 s: nobody asked to keep it (start 0.0)
