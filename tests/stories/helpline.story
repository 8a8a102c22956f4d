# Somebody calls a helpline. There is no recording, no row in the list, and no line in the journal.

policy
    [[rule]]
    name = "everybody"
    extension = "*"
    mode = "always"
    grade = "force"

104 calls 116123 through carrier1
    > decides: not recorded and not listed
116123 answers
10 seconds pass
104 presses record
    > tells 104: this call must not be recorded: not recorded and not listed
104 hangs up
    > forgets the call: it is not listed
