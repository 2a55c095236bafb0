"""Saved questions and templates: one kind of file, run again with other values and without the model."""
