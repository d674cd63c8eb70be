"""Submissions that attack the grader, and what must hold when each of them is graded.

An attack is one file, <family>/<name>.py, that says in a sentence what it tries. The file itself is the code of a cell that
comes before all others, or that takes the place of the exercise named by PLACE. Where it defines `submission(folder,
notebook)` it is no cell: that function builds the folder that is handed in. Cells may import `attacker`, which knows
where everything lies. Some names say what is asked for where it is not the rule:

    PLACE          an exercise; "end", after the last cell; or "trained",     otherwise before the first cell
                   after the training, before the model is asked for
    BASE           what the attack is added to: "blank", the untouched        "right" in the families "exhausting"
                   release; "right", its solution; "untrained" and            and "malformed", otherwise "blank"
                   "trained", an assignment with a model
    COSTS          exercises that may lose points, with BASE = "right"        only that of PLACE
    GRADED         False: it is not graded                                    it is graded, and scores no more than BASE
    SAID           a pattern that the report must show                        nothing
    FLAGGED        True: its score may rise, and SAID tells the instructor
    NEEDS_SANDBOX  True: it succeeds where there is no sandbox
    DANGEROUS      True: without a sandbox it would harm the machine          so do all of "exhausting"
"""
