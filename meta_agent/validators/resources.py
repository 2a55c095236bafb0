"""Fifth layer: how much memory and processor the script needs, from what it imports and does.

A console script starts at 64 MB; a database client, whole result sets in memory and each
large library add what they take. The figures set the container's limits, so they are
generous, and bounded: 64 to 1024 MB, 0.25 to 2 cores.
"""

from __future__ import annotations

import ast

from meta_agent.validators.literals import called_name
from meta_agent.validators.reading import Script

BASE_MEMORY_MB = 64
LEAST_MEMORY_MB, MOST_MEMORY_MB = 64, 1024
LEAST_CORES, MOST_CORES = 0.25, 2.0
UNKNOWN_SCRIPT = (128, 0.5)
"""For a script that could not be read."""

_MEMORY_MB = {
    "psycopg2": 64, "sqlalchemy": 64, "pandas": 192, "numpy": 64, "scipy": 128, "matplotlib": 128,
    "seaborn": 64, "flask": 192, "waitress": 16, "openpyxl": 64, "xlsxwriter": 64, "reportlab": 64,
    "PIL": 64, "jinja2": 16, "loguru": 16,
}  # fmt: skip
_CORES = {
    "psycopg2": 0.5, "sqlalchemy": 0.5, "pandas": 1.0, "numpy": 1.0, "scipy": 1.0, "matplotlib": 1.0,
    "seaborn": 1.0, "flask": 1.0, "openpyxl": 0.5, "xlsxwriter": 0.5, "reportlab": 0.5, "concurrent": 2.0,
    "threading": 1.0,
}  # fmt: skip
_FETCH_ALL_MB = 64


def estimate(script: Script) -> tuple[int, float]:
    """Memory in MB and processor cores."""
    memory = BASE_MEMORY_MB + sum(_MEMORY_MB.get(module, 0) for module in script.modules)
    if any(
        isinstance(call.func, ast.Attribute) and called_name(call) == "fetchall"
        for call in script.program.calls
    ):
        memory += _FETCH_ALL_MB
    cores = max((_CORES.get(module, LEAST_CORES) for module in script.modules), default=LEAST_CORES)
    return min(max(memory, LEAST_MEMORY_MB), MOST_MEMORY_MB), min(max(cores, LEAST_CORES), MOST_CORES)
