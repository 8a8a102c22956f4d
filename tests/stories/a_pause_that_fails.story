# A pause that cannot be had becomes a stop: better a hole than a card number.

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
5 seconds pass
the PBX refuses the next 3 pauses
100 presses pause
    > pauses the recorder on 0301234567: refused on paper
10 seconds pass
    > pauses the recorder on 0301234567: refused on paper
    > pauses the recorder on 0301234567: refused on paper
    > alarm: pause failed, the recording is stopped instead: refused on paper
    > stops the recorder on 0301234567
    > tells 100: pause: refused on paper
100 presses resume
    > starts the recorder on 0301234567
10 seconds pass
0301234567 hangs up
    > keeps 16.7 s for extension 100 (start 0.0, failed 5.3, failed 5.5, failed 6.5, stop 6.5, start 15.5)
