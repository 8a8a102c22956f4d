# A call comes in and goes straight out again to a mobile phone: nobody of the house took part.

policy
    [[rule]]
    name = "the trunk"
    trunk = "carrier1"
    mode = "always"

0301234567 calls 0205550109 through carrier1
    > decides: recorded: rule 'the trunk' (trunk carrier1, always)
0612345678 answers
    > starts the recorder on 0301234567
10 seconds pass
0301234567 hangs up
    > drops 10.2 s: nobody of the roster took part, and [ownership] catch_all names nobody who would get it (start 0.0)
