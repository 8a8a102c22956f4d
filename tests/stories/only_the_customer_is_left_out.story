# A pause that leaves out the customer alone: what the house says stays.

policy
    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always-with-pause"
    when = { traffic = "external" }
    pause_side = "anchor"

0301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 answers
    > decides: recorded: rule 'Alice's customers' (extension 100, always-with-pause)
    > starts the recorder on 0301234567
5 seconds pass
100 presses pause
    > pauses the recorder on 0301234567 (anchor)
5 seconds pass
100 presses resume
    > resumes the recorder on 0301234567 (anchor)
5 seconds pass
0301234567 hangs up
    > keeps 15.6 s for extension 100 (start 0.0, pause 5.2, resume 10.4)
