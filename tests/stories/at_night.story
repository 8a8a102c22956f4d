# Sales are recorded in office hours. It is five to six, and the call goes on past six.

it is 2026-11-25 17:55

policy
    [[rule]]
    name = "sales in the day"
    extension = "110"
    mode = "always"
    when = { time = "mon-fri 08:00-18:00" }

0301234567 calls 0205550110 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550110, and the default is never
110 answers
    > decides: recorded: rule 'sales in the day' (extension 110, always)
    > starts the recorder on 0301234567
10 minutes pass
0301234567 hangs up
    > keeps 600.2 s for extension 110 (start 0.0)

# And another one after six.

0301234567 calls 0205550110 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550110, and the default is never
110 answers
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550110, extension 110, and the default is never
10 seconds pass
0301234567 hangs up
    > lists it, not recorded: no rule wants trunk carrier1, ddi +31205550110, extension 110, and the default is never
