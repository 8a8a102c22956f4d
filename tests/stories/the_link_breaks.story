# The link to the PBX breaks while Alice talks. Recorders run on; what she pressed meanwhile is done as soon as it is back.

policy
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
10 seconds pass
the link to the PBX breaks
    > alarm: the link to PBX main is down (cut): what runs goes on, nothing is started, paused or stopped
100 presses pause
    > tells 100: the PBX is not connected: cut
5 seconds pass
the link to the PBX is back
    > pauses the recorder on 0301234567
10 seconds pass
100 presses resume
    > resumes the recorder on 0301234567
5 seconds pass
0301234567 hangs up
    > keeps 30.9 s for extension 100 (start 0.0, pause 15.5, resume 25.7)
