"""The validator: what a script would do, read from its text, before anything runs.

It is an early and explainable warning, not the boundary: the container and the
read-only role are. ``script_validator.py`` runs the layers in their order; each
layer is one module (syntax, security, sql, best_practices, resources), and
``second_opinion`` is bandit's. The security layer's checks lie beside it, one kind of
harm each, as do the ways of reading a program that they share: ``program`` (scopes and
bindings), ``references`` and ``origins`` (which expressions and which dotted names one can
stand for), ``constants`` (what can be worked out exactly), ``evaluation`` (which texts one
can be), ``taint`` (where its value came from) and ``secrets_shown`` (what it would show).
"""
