"""Submissions that attack the grader, and what must hold when each of them is graded.

An attack is one file, <family>/<name>.py, that says in a sentence what it tries. The file itself is the code of a cell that
comes before all others, or that takes the place of the exercise named by PLACE. Where it defines `submission(folder,
notebook)` it is no cell: that function builds the folder that is handed in. Cells may import `attacker`, which knows
where everything lies. These names say what is expected where that is not the rule:

    PLACE          an exercise, or "end": after the last cell             "": before the first cell
    BASE           what the attack is added to: "blank", the untouched     "blank"; "right" where the family is
                   release; "right", its solution; "untrained" and          exhausting or malformed
                   "trained", a notebook with a model
    COSTS          exercises that lose points                              those of PLACE, with BASE "right"
    GRADED         False: is not graded, and nobody else is hurt           True
    SAID           a pattern that the report must show                     ""
    NEEDS_SANDBOX  True: succeeds where there is no sandbox                False
    DANGEROUS      True: never run without a sandbox; so is "exhausting"   False
"""
