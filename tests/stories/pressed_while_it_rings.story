# A key that is pressed before anybody answers takes effect when people talk.

policy
    [[rule]]
    name = "Dave may record"
    extension = "103"
    mode = "on-demand"

103 calls 0301234567 through carrier1
    > decides: recorded on demand: rule 'Dave may record' (extension 103, on-demand)
0301234567 rings
103 presses record
    > tells 103: yes, it takes effect when the call is talking
5 seconds pass
0301234567 answers
    > starts the recorder on 0301234567
10 seconds pass
103 hangs up
    > keeps 10.2 s for extension 103 (start 0.0)
