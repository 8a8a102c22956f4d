# He might have recorded it, and did not. The list says so.

policy
    [[rule]]
    name = "Dave may record"
    extension = "103"
    mode = "on-demand"

103 calls 0301234567 through carrier1
    > decides: recorded on demand: rule 'Dave may record' (extension 103, on-demand)
0301234567 answers
30 seconds pass
103 hangs up
    > lists it, not recorded: nobody asked for it (rule 'Dave may record' lets people record on demand)
