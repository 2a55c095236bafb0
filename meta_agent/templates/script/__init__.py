"""Parts of generated scripts: each gets the functions it uses, word for word."""
