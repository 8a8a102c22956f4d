# The caller does not wait for an agent.

policy
    [[rule]]
    name = "sales queue"
    queue = "sales"
    mode = "always"

0301234567 calls 0205550200 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550200, and the default is never
0301234567 waits in queue sales
    > decides: recorded: rule 'sales queue' (queue sales, always)
110 rings
40 seconds pass
0301234567 hangs up
    > lists it, not recorded: nobody answered (rule 'sales queue', always)
