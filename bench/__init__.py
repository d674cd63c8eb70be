"""Benchmarks: `python -m bench` (`make bench`) prints ratios between two ways of doing the same work in one process."""
