# A room that is always recorded. Its recorder sits on one member, and moves when he leaves.

policy
    [[rule]]
    name = "board room"
    conference = "800"
    mode = "always"

101 calls 800
    > decides: not recorded: no rule wants extension 101, and the default is never
101 enters room 800
    > 101's call: decides: not recorded: in a conference the conference decides, for all of its members at once
    > room 800: decides: recorded: rule 'board room' (conference 800, always)
102 calls 800
    > 102's call: decides: not recorded: no rule wants extension 102, and the default is never
102 enters room 800
    > 102's call: decides: not recorded: in a conference the conference decides, for all of its members at once
    > room 800: starts the recorder on 101
10 seconds pass
0301234567 calls 0205550800 through carrier1
    > 0301234567's call: decides: not recorded: no rule wants trunk carrier1, ddi +31205550800, and the default is never
0301234567 enters room 800
    > 0301234567's call: decides: not recorded: in a conference the conference decides, for all of its members at once
10 seconds pass
101 hangs up
    > 101's call: lists it, not recorded: in a conference the conference decides, for all of its members at once
    > room 800: starts the recorder on 102
10 seconds pass
0301234567 hangs up
    > 0301234567's call: lists it, not recorded: in a conference the conference decides, for all of its members at once
    > room 800: stops the recorder on 102
10 seconds pass
102 hangs up
    > room 800: keeps 30.7 s for conference 800 (start 0.0, start 20.5, stop 30.7)
    > 102's call: lists it, not recorded: in a conference the conference decides, for all of its members at once
