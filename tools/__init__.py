"""Set-up, demo and measurement: what the Makefile runs."""
