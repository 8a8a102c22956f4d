# The board room is recorded from the second member on until one is left; nobody inside can switch it.

policy
    [[rule]]
    name = "board room"
    conference = "800"
    mode = "on-demand"

    [[rule]]
    name = "Bob is always recorded"
    extension = "101"
    mode = "always"

101 calls 800
    > decides: recorded: rule 'Bob is always recorded' (extension 101, always)
101 enters room 800
    > 101's call: decides: not recorded: in a conference the conference decides, for all of its members at once
    > room 800: decides: recorded on demand: rule 'board room' (conference 800, on-demand)
10 seconds pass
102 calls 800
    > 102's call: decides: not recorded: no rule wants extension 102, and the default is never
102 enters room 800
    > 102's call: decides: not recorded: in a conference the conference decides, for all of its members at once
5 seconds pass
102 presses record
    > room 800: tells 102: inside a conference nobody can switch the recording with a key
the operator asks for record on 101's call
    > room 800: starts the recorder on 101
10 seconds pass
102 hangs up
    > 102's call: lists it, not recorded: in a conference the conference decides, for all of its members at once
    > room 800: stops the recorder on 101
5 seconds pass
101 hangs up
    > room 800: keeps 10.2 s for conference 800 (start 0.0, stop 10.2)
    > 101's call: lists it, not recorded: in a conference the conference decides, for all of its members at once
