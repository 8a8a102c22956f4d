# Two colleagues talk. Nobody wrote a rule about that.

policy
    [[rule]]
    name = "Alice's customers"
    extension = "100"
    mode = "always-with-pause"
    when = { traffic = "external" }

101 calls 102
    > decides: not recorded: no rule wants extension 101, and the default is never
102 answers
    > decides: not recorded: no rule wants extension 101, extension 102, and the default is never
60 seconds pass
101 hangs up
    > lists it, not recorded: no rule wants extension 101, extension 102, and the default is never
