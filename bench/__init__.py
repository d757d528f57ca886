"""Benchmarks: each `python -m bench.NAME` prints a table for people, or JSON with --json."""
