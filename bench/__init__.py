"""Benchmarks: what the door takes, beside what a bare program takes in the same run (`python -m bench`)."""
