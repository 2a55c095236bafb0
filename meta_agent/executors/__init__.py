"""Executors: the run folder and the container the script runs in."""
