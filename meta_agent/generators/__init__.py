"""Generators: what is written from the plan: the script and the files around it."""
