"""Run folders: the record and the log of each run."""
