# Recording begins ten seconds after people talk: the announcement comes first.

policy
    [[rule]]
    name = "Ivan"
    extension = "111"
    mode = "always"
    delay = 10

0301234567 calls 0205550111 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550111, and the default is never
111 answers
    > decides: recorded: rule 'Ivan' (extension 111, always)
15 seconds pass
    > starts the recorder on 0301234567
0301234567 hangs up
    > keeps 5.2 s for extension 111 (start 0.0)

0301234567 calls 0205550111 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550111, and the default is never
111 answers
    > decides: recorded: rule 'Ivan' (extension 111, always)
5 seconds pass
0301234567 hangs up
    > lists it, not recorded: it ended before it began (rule 'Ivan', always)
