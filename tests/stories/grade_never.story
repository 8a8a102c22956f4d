# The works council's phone outweighs every rule that wants the call.

policy
    [[rule]]
    name = "works council"
    extension = "150"
    mode = "never"
    grade = "never"

    [[rule]]
    name = "everybody outside"
    extension = "*"
    mode = "always"
    when = { traffic = "external" }

    [[rule]]
    name = "the trunk"
    trunk = "carrier1"
    mode = "always"

0301234567 calls 0205550150 through carrier1
    > decides: recorded: rule 'the trunk' (trunk carrier1, always)
150 answers
    > decides: not recorded: rule 'works council' (extension 150, never); it outweighs rule 'the trunk' (trunk carrier1): never beats yes
10 seconds pass
150 presses record
    > tells 150: this call must not be recorded: rule 'works council' (extension 150, never); it outweighs rule 'the trunk' (trunk carrier1): never beats yes
150 hangs up
    > lists it, not recorded: rule 'works council' (extension 150, never); it outweighs rule 'the trunk' (trunk carrier1): never beats yes
