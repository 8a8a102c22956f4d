# A rule about the trunk lasts as long as the customer, whoever speaks with him.

policy
    [[rule]]
    name = "the trunk"
    trunk = "carrier1"
    mode = "always"

0301234567 calls 0205550100 through carrier1
    > decides: recorded: rule 'the trunk' (trunk carrier1, always)
100 answers
    > starts the recorder on 0301234567
10 seconds pass
100 sends 0301234567 to 101
101 answers
10 seconds pass
0301234567 hangs up
    > keeps 20.5 s for trunk carrier1 (start 0.0)
