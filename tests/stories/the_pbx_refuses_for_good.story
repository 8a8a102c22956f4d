# After three refusals somebody must be told. A press of the key tries once more.

policy
    [[rule]]
    name = "Dave may record"
    extension = "103"
    mode = "on-demand"

the PBX refuses the next 3 starts
0301234567 calls 0205550103 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550103, and the default is never
103 answers
    > decides: recorded on demand: rule 'Dave may record' (extension 103, on-demand)
103 presses record
    > starts the recorder on 0301234567: refused on paper
20 seconds pass
    > starts the recorder on 0301234567: refused on paper
    > starts the recorder on 0301234567: refused on paper
    > alarm: recording could not be started: refused on paper
    > tells 103: start: refused on paper
103 presses record
    > starts the recorder on 0301234567
10 seconds pass
0301234567 hangs up
    > keeps 10.2 s for extension 103 (failed -20.2, failed -20.0, failed -19.0, start 0.0)
