# ruff: noqa: E501 - queries and replies stay on one line
from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta_agent.generators.code_cleaner import function_block, is_python, python_code, sql_code

# --- programs to hide ---------------------------------------------------------------------

STRINGS = st.sampled_from(
    [
        "plain",
        "```python\nx = 1\n```",
        "```",
        "~~~",
        "# Heading\n## Another",
        "1. All necessary imports\n2. Configuration",
        "Here is the script:\n\nThis script does nothing.",
        "- item\n* item\n> quote",
        "**HTML Template:**",
        "| a | b |\n|---|---|",
        'it\'s "quoted"',
        "<h1>Title</h1>\n```html\n<p>\n```",
    ]
)
NAMES = st.sampled_from(["rows", "total", "noi", "x1"])


@st.composite
def statements(draw: st.DrawFn) -> str:
    name = draw(NAMES)
    kind = draw(st.integers(0, 7))
    if kind == 0:
        return f"import math\nfrom decimal import Decimal as {name.title()}"
    if kind == 1:
        text = draw(STRINGS).replace('"""', "").rstrip('"')
        return f'{name} = """{text}"""'
    if kind == 2:
        text = draw(STRINGS).replace('"""', "").rstrip('"')
        return f'def {name}(a, b=2):\n    """{text}\n    """\n    return [a,\n            - b]'
    if kind == 3:
        return f"class {name.title()}:\n    value: int = 3\n\n    def get(self):\n        return self.value"
    if kind == 4:
        return f"if True:\n    {name} = {{'a': 1,\n    'b': 2}}\nelse:\n    {name} = None"
    if kind == 5:
        return f"# {draw(st.sampled_from(['a comment', '### Instructions', '1. first']))}\n{name} = {draw(STRINGS)!r}"
    if kind == 6:
        return f"for i in range(3):\n    print(f'{{i}} {name}')"
    return f"{name} = (1\n- 2\n* 3)"


PROGRAMS = st.lists(statements(), min_size=1, max_size=4).map("\n\n".join)
PROSE = st.sampled_from(
    [
        "Here is the script you asked for:",
        "Sure! Here's a Python script that does it.",
        "This script connects to the database and prints the results.",
        "To use this, run `python script.py`.",
        "**Explanation:**",
        "The function returns a list of dicts (one per row).",
        "Note that it isn't tested; you'll need psycopg2.",
        "- It reads the data\n- It prints the data",
        "### Instructions to run it:",
        "> remember the environment variables",
    ]
)
LANGUAGE = st.sampled_from(["python", "py", "Python", "", "python3", "python title=script.py"])
FENCE = st.sampled_from(["```", "~~~", "````"])


@given(PROGRAMS)
def test_a_program_comes_back_as_it_is(program: str) -> None:
    assert python_code(program) == program


@given(PROGRAMS, FENCE, LANGUAGE, st.lists(PROSE, max_size=2), st.lists(PROSE, max_size=2))
def test_a_fence_and_the_prose_around_it_are_taken_off(
    program: str, fence: str, language: str, before: list[str], after: list[str]
) -> None:
    reply = "\n\n".join([*before, f"{fence}{language}\n{program}\n{fence}", *after])
    assert python_code(reply) == program


@given(PROGRAMS, st.lists(PROSE, min_size=1, max_size=2), st.lists(PROSE, max_size=2))
def test_prose_around_a_bare_program_is_taken_off(program: str, before: list[str], after: list[str]) -> None:
    cleaned = python_code("\n\n".join([*before, program, *after]))
    assert ast.dump(ast.parse(cleaned)) == ast.dump(ast.parse(program))


@given(st.lists(PROGRAMS, min_size=2, max_size=3))
def test_a_numbered_list_between_parts_is_taken_out(parts: list[str]) -> None:
    titles = ["All necessary imports", "Configuration", "The main part of it"]
    reply = "\n".join(
        f"{n}. {title}\n{part}\n" for n, (title, part) in enumerate(zip(titles, parts, strict=False), 1)
    )
    cleaned = python_code(reply)
    assert ast.dump(ast.parse(cleaned)) == ast.dump(ast.parse("\n".join(parts)))


@given(PROGRAMS, LANGUAGE)
def test_cleaning_twice_is_cleaning_once(program: str, language: str) -> None:
    once = python_code(f"Here it is:\n```{language}\n{program}\n```\nDone with it.")
    assert python_code(once) == once


@given(st.text(alphabet=st.sampled_from("`~#*->|.:()'\"\\ \n\r\tabcdef1=[]{}"), max_size=300))
@settings(max_examples=200)
def test_nothing_makes_it_fail(reply: str) -> None:
    cleaned = python_code(reply)
    assert isinstance(cleaned, str)
    assert isinstance(sql_code(reply), str)
    if is_python(reply):
        assert cleaned == reply.replace("\r\n", "\n").replace("\r", "\n")


@given(st.text(max_size=200))
def test_any_text_gives_a_text(reply: str) -> None:
    assert isinstance(python_code(reply), str)
    assert isinstance(sql_code(reply), str)


HOSTILE = {
    "backticks": "`" * 1_000_000,
    "fence with a long word": "```" + "a" * 1_000_000 + "`",
    "fence and blanks": "```" + " " * 500_000 + "x`",
    "empty lines": "\n" * 1_000_000,
    "fences": "```\n" * 100_000,
    "unparsable lines": "foo bar baz (\n" * 5_000,
    "prose lines": "This is a sentence about nothing.\n\n" * 5_000,
    "code-like lines": "x = = 1\n" * 5_000,
    "open brackets": "(" * 100_000,
    "indentation": "".join(" " * n + "if x:\n" for n in range(300)),
    "blocks": "```python\nx = = 1\n```\n" * 2_000,
    "numbers": "1. item one\n" * 5_000,
    "selects": "select from nothing:\n" * 50_000,
    "nul": "x = 1\0\n" * 1_000,
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("reply", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_replies_end(reply: str) -> None:
    assert len(python_code(reply)) <= len(reply)
    assert len(sql_code(reply)) <= len(reply)


# --- what models write ----------------------------------------------------------------------

PROGRAM = "import os\n\n\ndef compute():\n    return [{'a': os.sep}]"


@pytest.mark.parametrize(
    "reply",
    [
        f"```python\n{PROGRAM}\n```",
        f"```py\n{PROGRAM}\n```",
        f"~~~python\n{PROGRAM}\n~~~",
        f"```python\n{PROGRAM}",
        f"```python\r\n{PROGRAM}\r\n```\r\n".replace("\n", "\r\n").replace("\r\r", "\r"),
        f"**Python Script:**\n\n```python\n{PROGRAM}\n```\n\n### Instructions\n\n1. Save it.\n2. Run it.",
        f"```bash\npip install psycopg2\n```\n\n```python\n{PROGRAM}\n```",
        f"```\npython script.py\n```\n```python\n{PROGRAM}\n```",
        f"```python\nprint('an example')\n```\nand the function:\n```python\n{PROGRAM}\n```",
        f"1. The script:\n\n   ```python\n   {PROGRAM.replace(chr(10), chr(10) + '   ')}\n   ```\n",
        f"Here's the script:\n\n{PROGRAM}\n\nThis script returns a row. Let me know if it's enough!",
        f"{PROGRAM}\n```",
        f"```text\n{PROGRAM}\n```",
    ],
)
def test_examples_of_replies(reply: str) -> None:
    assert python_code(reply, defines="compute").rstrip() == PROGRAM


def test_a_program_with_a_syntax_error_keeps_it_for_the_model_to_see() -> None:
    assert python_code("```python\ndef compute(:\n    return 1\n```") == "def compute(:\n    return 1"


@pytest.mark.parametrize("bare", ["Sure", "I cannot do that.", "42", ""])
def test_bare_words_are_no_program(bare: str) -> None:
    assert not is_python(bare)


@pytest.mark.parametrize(
    ("reply", "sql"),
    [
        ("SELECT 1", "SELECT 1"),
        ("```sql\nSELECT 1\n```", "SELECT 1"),
        ("```sql\nSELECT 1\n", "SELECT 1"),
        ("```SQL\nSELECT 1;\n```\nand\n```sql\nSELECT 2\n```", "SELECT 1;"),
        ("```python\nx = 1\n```\n```sql\nSELECT 1\n```", "SELECT 1"),
        ("```\npsql -d db\n```\n```\nSELECT 1\n```", "SELECT 1"),
        ("Here is the query:\n\nSELECT a,\n\n  b\nFROM t;\n\nThis query selects a and b.", "SELECT a,\n\n  b\nFROM t;"),
        ("Select the rows you need:\nSELECT a FROM t\n\nIt lists a.", "SELECT a FROM t"),
        ("With this query you get it:\nWITH x AS (SELECT 1) SELECT * FROM x", "WITH x AS (SELECT 1) SELECT * FROM x"),
        ("SELECT a\nFROM t\n\nOrder by nothing", "SELECT a\nFROM t\n\nOrder by nothing"),
        ("```sql\r\nSELECT 1\r\n```", "SELECT 1"),
        ("SELECT '```' AS fence", "SELECT '```' AS fence"),
        ("I cannot answer that.", ""),
        ("```python\nprint(1)\n```", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_sql_is_found(reply: str, sql: str) -> None:
    assert sql_code(reply) == sql


def test_the_block_of_a_function_is_found_beside_the_query() -> None:
    reply = "```sql\nSELECT 1\n```\nthen\n```python\ndef transform(rows):\n    return rows\n```\n"
    assert function_block(reply, "transform") == "def transform(rows):\n    return rows"
    assert function_block(reply, "other") == ""
