# A recorded call is sent on to a helpline. From then on nothing of it may stay.

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
100 sends 0301234567 to 116123
116123 answers
    > decides: not recorded and not listed
    > stops the recorder on 0301234567
10 seconds pass
0301234567 hangs up
    > forgets the call: it is not listed
