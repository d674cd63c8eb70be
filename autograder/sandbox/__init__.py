"""Where a submission's kernel runs: what it sees, what it may do, how much it may take."""
