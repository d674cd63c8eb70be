"""One submission, from its notebook to its report."""
