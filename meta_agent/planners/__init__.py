"""Stage 2: how the work will be done."""
