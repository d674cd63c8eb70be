"""The assignment on inference suboptimality: it looks at models that are there, and hands in none of its own."""

from autograder.catalogue import Assignment, Study
from autograder.suite.gaps.study import tables

assignment = Assignment(builds_on=("vae", "priors", "iwae"), study=Study(tables))
