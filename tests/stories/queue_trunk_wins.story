# The same call where the trunk's yes is to count in queues too.

policy
    [decide]
    queue_isolation = "trunk_wins"

    [[rule]]
    name = "the trunk"
    trunk = "carrier1"
    mode = "always"

0301234567 calls 0205550300 through carrier1
    > decides: recorded: rule 'the trunk' (trunk carrier1, always)
0301234567 waits in queue support
100 answers
    > starts the recorder on 0301234567
10 seconds pass
0301234567 hangs up
    > keeps 10.2 s for trunk carrier1 (start 0.0)
