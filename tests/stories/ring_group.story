# Three phones ring. Who was quicker counts, and who only rang does not.

policy
    [[ring_group]]
    number = "600"

    [[rule]]
    name = "Hanna is recorded"
    extension = "110"
    mode = "always"

0301234567 calls 0205550600 through carrier1
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550600, and the default is never
the dialplan says group=600
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550600, ring_group 600, and the default is never
110 rings
    > decides: recorded: rule 'Hanna is recorded' (extension 110, always)
111 rings
112 rings
4 seconds pass
111 answers
    > decides: not recorded: no rule wants trunk carrier1, ddi +31205550600, extension 111, ring_group 600, and the default is never
10 seconds pass
0301234567 hangs up
    > lists it, not recorded: no rule wants trunk carrier1, ddi +31205550600, extension 111, ring_group 600, and the default is never
