"""Stage 1: what the request asks for."""
