"""The hidden tests, one file an assignment. They run in the grader's own process; students read their docstrings."""
