# The sales queue is recorded; Hanna, who answers there, is not when somebody calls her directly.

policy
    [[rule]]
    name = "sales queue"
    queue = "sales"
    mode = "always"
    start = "bridge"

0301234567 calls 0205550200 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550200, and the default is never
0301234567 waits in queue sales
    > decides: recorded: rule 'sales queue' (queue sales, always)
20 seconds pass
110 rings
110 answers
    > starts the recorder on 0301234567
10 seconds pass
0301234567 hangs up
    > keeps 10.2 s for queue sales (start 0.0)

# The same two again, without the queue.

0301234567 calls 0205550110 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550110, and the default is never
110 answers
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550110, extension 110, and the default is never
10 seconds pass
0301234567 hangs up
    > lists it, not recorded: no rule wants trunk carrier1, ddi +31205550110, extension 110, and the default is never
