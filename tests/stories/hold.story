# While the customer is on hold the recording keeps silent: nobody wants hours of music.

policy
    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always-with-pause"
    hold = "mute"

0301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 answers
    > decides: recorded: rule 'Alice's customers' (extension 100, always-with-pause)
    > starts the recorder on 0301234567
10 seconds pass
100 holds 0301234567
    > pauses the recorder on 0301234567
30 seconds pass
100 takes 0301234567 back
    > resumes the recorder on 0301234567
5 seconds pass
100 presses pause
    > pauses the recorder on 0301234567
100 holds 0301234567
5 seconds pass
100 takes 0301234567 back
5 seconds pass
100 presses resume
    > resumes the recorder on 0301234567
5 seconds pass
0301234567 hangs up
    > keeps 61.3 s for extension 100 (start 0.0, pause 10.2, resume 40.4, pause 45.6, resume 56.1)
