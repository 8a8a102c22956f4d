# Recordings of Ivan end after an hour, however long he talks.

policy
    [[rule]]
    name = "Ivan"
    extension = "111"
    mode = "always"
    max_length = 3600

0301234567 calls 0205550111 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550111, and the default is never
111 answers
    > decides: recorded: rule 'Ivan' (extension 111, always)
    > starts the recorder on 0301234567
2 hours pass
    > stops the recorder on 0301234567
0301234567 hangs up
    > keeps 3600.0 s for extension 111 (start 0.0, max-length 3600.0, stop 3600.0)
