# From the recorded queue to Bob, about whom there is no rule: the queue's recording ends with the queue.

policy
    [[rule]]
    name = "sales queue"
    queue = "sales"
    mode = "always"

0301234567 calls 0205550200 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550200, and the default is never
0301234567 waits in queue sales
    > decides: recorded: rule 'sales queue' (queue sales, always)
110 answers
    > starts the recorder on 0301234567
10 seconds pass
110 sends 0301234567 to 101
    > stops the recorder on 0301234567
0301234567 leaves the queue
101 rings
101 answers
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550200, extension 101, and the default is never
10 seconds pass
0301234567 hangs up
    > keeps 10.2 s for queue sales (start 0.0, stop 10.2)
