# What must be recorded is recorded, whoever presses what.

policy
    [[rule]]
    name = "orders"
    ddi = "0205550110"
    mode = "always"

0301234567 calls 0205550110 through carrier1
    > decides: recorded: rule 'orders' (ddi +31205550110, always)
110 answers
    > starts the recorder on 0301234567
5 seconds pass
110 presses pause
    > tells 110: rule 'orders' does not let anybody pause this recording (mode always)
110 presses stop
    > tells 110: rule 'orders' does not let anybody stop this recording (mode always)
0301234567 presses stop
    > tells 0301234567: only people of the house can switch the recording with a key
the operator asks for stop on 110's call
    > tells the operator: rule 'orders' does not let anybody stop this recording (mode always)
5 seconds pass
0301234567 hangs up
    > keeps 10.7 s for ddi +31205550110 (start 0.0, refused 5.2, refused 5.3, refused 5.4, refused 5.5)
