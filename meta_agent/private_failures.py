"""Why a script failed, without a word of what is stored: for a model that may not be told it.

Messages of PostgreSQL and Python quote values in ways that no pattern can take out safely: a value
may hold quotes and line ends itself, and a function in the database may say anything. So nothing is
taken out; what is told is put together from what is known beforehand: names of error classes, wordings
that hold no value, and the failing line of our own script.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

from meta_agent.contracts import ExecutionResult, GeneratedScript, ValidationResult
from meta_agent.script_failures import findings_of, problem_of

_WITHHELD = "its message is left out, because it may quote stored values"
_TYPES = (
    "smallint|integer|bigint|numeric|real|double precision|money|boolean|date|time with time zone"
    "|timestamp with time zone|timestamp|time|interval|uuid|jsonb|json|inet"
)
_POSTGRES = re.compile(
    rf"""
      invalid\ input\ syntax\ for\ type\ (?:{_TYPES.replace(" ", chr(92) + " ")})\b
    | (?:smallint|integer|bigint|numeric|interval|date|timestamp|date/time\ field\ value)\ out\ of\ range
    | numeric\ field\ overflow
    | value\ (?:out\ of\ range|overflows\ numeric\ format)
    | division\ by\ zero
    | cannot\ take\ (?:square\ root|logarithm)\ of\ (?:zero|a\ negative\ number)
    | zero\ raised\ to\ a\ negative\ power\ is\ undefined
    | a\ negative\ number\ raised\ to\ a\ non-integer\ power\ yields\ a\ complex\ result
    | more\ than\ one\ row\ returned\ by\ a\ subquery\ used\ as\ an\ expression
    | (?:LIMIT|OFFSET)\ must\ not\ be\ negative
    | negative\ substring\ length\ not\ allowed
    | step\ size\ cannot\ equal\ zero
    | permission\ denied\ for\ (?:table|view|materialized\ view|function|schema)
    | canceling\ statement\ due\ to\ statement\ timeout
    | out\ of\ memory
    """,
    re.VERBOSE,
)
_OUT_OF_RANGE = re.compile(rf'value ".*" is out of range for type ({_TYPES})$')
_PYTHON = re.compile(
    r"""
      (?:\w+\ )*(?:division|modulo)(?:\ or\ modulo)?\ by\ zero
    | (?:list|tuple|string|range\ object)\ index\ out\ of\ range
    | unsupported\ operand\ type\(s\)\ for\ [-+*/%&|@<>=\w()\ ]{1,20}:\ '[\w.]+'\ and\ '[\w.]+'
    | '[<>=]{1,2}'\ not\ supported\ between\ instances\ of\ '[\w.]+'\ and\ '[\w.]+'
    | '[\w.]+'\ object\ is\ not\ (?:subscriptable|iterable|callable|an\ iterator)
    | '[\w.]+'\ object\ does\ not\ support\ item\ assignment
    | '[\w.]+'\ object\ has\ no\ attribute\ '\w+'
    | name\ '\w+'\ is\ not\ defined
    | unhashable\ type:\ '\w+'
    | Object\ of\ type\ \w+\ is\ not\ JSON\ serializable
    | (?:max|min)\(\)\ (?:arg|iterable\ argument)\ is\ (?:an\ )?empty(?:\ sequence)?
    | (?:not\ enough|too\ many)\ values\ to\ unpack\ \(expected\ [\w\ ,]+\)
    | can't\ (?:compare|subtract)\ offset-naive\ and\ offset-aware\ datetimes
    | must\ be\ real\ number,\ not\ \w+
    | transform\(\)\ must\ return\ a\ list\ of\ dictionaries
    | the\ what-if\ needs\ a\ column\ that\ tells\ the\ rows\ apart
    | a\ what-if\ over\ [\d,]+\ rows\ or\ more;\ ask\ for\ totals
    """,
    re.VERBOSE,
)
_LOGGED = re.compile(r"^[0-9-]{10} [0-9:,.]+ ERROR The (query failed|figures cannot be shown): (.*)$", re.M)
_FRAME = re.compile(r'^ +File "[^"]*script\.py", line (\d+), in \w+$', re.M)
_EXCEPTION = re.compile(r"^(?:\w+\.)*([A-Za-z]\w*)(?:: (.*))?$", re.M)
_CLASSES = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
) | {"InvalidOperation", "DivisionByZero", "StatisticsError", "JSONDecodeError"}
_TEXT = re.compile(r"'[^']*(?:'|$)")


def private_problem(script: GeneratedScript, result: ExecutionResult) -> str:
    """As ``problem_of``, with nothing that may have been read from a row."""
    if result.status != "failed":
        return problem_of(result)
    return f"The script ended with exit status {result.exit_code}: {_told(script, result.error_output)}."


def private_findings(validation: ValidationResult) -> str:
    """As ``findings_of``, without the texts of the queries, some of which were mended to stored ones."""
    return _TEXT.sub("'…'", findings_of(validation))


def _told(script: GeneratedScript, output: str) -> str:
    logged = _LOGGED.search(output)
    if logged is None:
        return _of_traceback(script, output)
    if logged.group(1) == "query failed":
        return f"PostgreSQL stopped the query: {_of_postgres(logged.group(2))}"
    return f"a figure cannot be shown: {_of_python(logged.group(2))}"


def _of_postgres(message: str) -> str:
    if known := _POSTGRES.match(message):
        return known.group()
    if out_of_range := _OUT_OF_RANGE.match(message):
        return f"a value is out of range for type {out_of_range.group(1)}"
    return _WITHHELD


def _of_python(message: str) -> str:
    return message if _PYTHON.fullmatch(message) else _WITHHELD


def _of_traceback(script: GeneratedScript, output: str) -> str:
    _, found, traceback = output.partition("Traceback (most recent call last):")
    raised = list(_raised(traceback))
    if not found or not raised:
        return _WITHHELD
    name, message = raised[-1]
    line = _failing_line(script, traceback)
    where = f" in the line {line}" if line else ""
    if name == "KeyError" and message in line:
        return f"KeyError: {message}{where}"  # a column that the function itself names
    return f"{name}{where}: {_of_python(message)}"


def _raised(traceback: str) -> Iterator[tuple[str, str]]:
    for found in _EXCEPTION.finditer(traceback):
        if found.group(1) in _CLASSES:
            yield found.group(1), found.group(2) or ""


def _failing_line(script: GeneratedScript, traceback: str) -> str:
    """The last line of the script's functions that was running, from the source: no query stands in them."""
    numbers = [int(frame.group(1)) for frame in _FRAME.finditer(traceback)]
    functions = [node for node in ast.walk(ast.parse(script.source)) if isinstance(node, ast.FunctionDef)]
    inside = [n for n in numbers if any(f.lineno <= n <= (f.end_lineno or 0) for f in functions)]
    return script.source.splitlines()[inside[-1] - 1].strip() if inside else ""
