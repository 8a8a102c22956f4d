# A customer calls Alice. While the card number is said she pauses the recording.

policy
    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always-with-pause"
    when = { traffic = "external" }

0301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 rings
    > decides: recorded: rule 'Alice's customers' (extension 100, always-with-pause)
3 seconds pass
100 answers
    > starts the recorder on 0301234567
10 seconds pass
100 presses pause
    > pauses the recorder on 0301234567
20 seconds pass
100 presses resume
    > resumes the recorder on 0301234567
100 presses stop
    > tells 100: rule 'Alice's customers' does not let anybody stop this recording (mode always-with-pause)
5 seconds pass
0301234567 hangs up
    > keeps 35.7 s for extension 100 (start 0.0, pause 10.2, resume 30.4, refused 30.5)
