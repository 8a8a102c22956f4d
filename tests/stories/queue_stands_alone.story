# Alice is always recorded, but not while she answers for a queue that nobody wants recorded.

policy
    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always-with-pause"
    when = { traffic = "external" }

0301234567 calls 0205550300 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550300, and the default is never
0301234567 waits in queue support
    > decides: not recorded: queue support is not enabled, and queues stand alone (queue_isolation = strict)
100 answers
10 seconds pass
0301234567 hangs up
    > lists it, not recorded: queue support is not enabled, and queues stand alone (queue_isolation = strict)
