# The bank's number is not recorded whatever the rules say, but its calls are listed.

policy
    [[rule]]
    name = "everybody"
    extension = "*"
    mode = "always"

100 calls 0207770000 through carrier1
    > decides: not recorded: 0207770000 is on the list of excluded numbers (0207770000)
0207770000 answers
10 seconds pass
the operator asks for record on 100's call
    > tells the operator: this call must not be recorded: 0207770000 is on the list of excluded numbers (0207770000)
100 hangs up
    > lists it, not recorded: 0207770000 is on the list of excluded numbers (0207770000)
