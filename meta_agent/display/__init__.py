"""The only package that prints: results on stdout, everything else on stderr."""
