"""Sends a finished answer by e-mail: the tool does, never a script, which has no network."""
