"""What a hostile script would try: one small function for each, in modules by kind.

``table`` explains how they are written and run; ``test_sandbox_walls.py`` runs them.
"""
