"""The hidden tests, one folder per assignment. They run in the grader's own process; students read their docstrings."""
