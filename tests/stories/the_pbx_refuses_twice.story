# The PBX says no to the first two starts. OnRecord tries again, and tells where the recording has a hole.

policy
    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always-with-pause"
    when = { traffic = "external" }

the PBX refuses the next 2 starts
0301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 answers
    > decides: recorded: rule 'Alice's customers' (extension 100, always-with-pause)
    > starts the recorder on 0301234567: refused on paper
10 seconds pass
    > starts the recorder on 0301234567: refused on paper
    > starts the recorder on 0301234567
0301234567 hangs up
    > keeps 9.0 s for extension 100 (failed -1.2, failed -1.0, start 0.0)
