# Alice pauses with a code on her keypad. What the customer types is left out of the file in any case.

policy
    [keys]
    codes = { pause = "*5", resume = "*6" }

    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always-with-pause"
    when = { traffic = "external" }

0301234567 calls 0205550100 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550100, and the default is never
100 answers
    > decides: recorded: rule 'Alice's customers' (extension 100, always-with-pause)
    > starts the recorder on 0301234567
5 seconds pass
100 types *5
    > pauses the recorder on 0301234567
5 seconds pass
100 types *6
    > resumes the recorder on 0301234567
5 seconds pass
0301234567 types 4111111111
    > pauses the recorder on 0301234567
10 seconds pass
    > resumes the recorder on 0301234567
0301234567 hangs up
    > keeps 29.3 s for extension 100 (start 0.0, pause 5.7, resume 11.4, blank 16.5, pause 17.4, unblank 19.4, resume 23.1)
