"""The validator: what a script would do, read from its text, before anything runs.

It is an early and explainable warning, not the boundary: the container and the
read-only role are. ``script_validator.py`` runs the layers in their order; each
layer is one module (syntax, security, sql, best_practices, resources). The security
layer's checks lie beside it, as do the three ways of reading a program that they
share: ``program`` (scopes and bindings), ``evaluation`` (which texts and which
dotted names an expression can stand for) and ``taint`` (where its value came from).
"""
