from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.contracts import Column, DatabaseSchema, ForeignKey, Table
from meta_agent.utils.column_remarks import LONGEST_VALUES, column_remark, declared_only
from meta_agent.utils.database_inspector import compact_form, prompt_form

PORTS = Table(
    schema_name="public",
    name="ports",
    columns=(
        Column(name="port_id", type="integer", lowest="1", highest="9", has_nulls=False),
        Column(name="kind", type="text", comment="of harbor", values=("inland", "sea"), has_nulls=True),
        Column(name="depth", type="numeric(5,2)", lowest="0.50", highest="98.20"),
        Column(name="opened", type="date", lowest="1850-01-01", highest="2020-12-31"),
    ),
    inferred_unique=(("port_id",),),
)
CALLS = Table(
    schema_name="public",
    name="calls",
    columns=(
        Column(name="port", type="integer", lowest="1", highest="5"),
        Column(
            name="at",
            type="timestamp with time zone",
            lowest="2024-01-02T03:04:05+00:00",
            highest="2024-01-02",
        ),
    ),
    foreign_keys=(
        ForeignKey(
            columns=("port",),
            referred_schema="public",
            referred_table="ports",
            referred_columns=("port_id",),
            inferred=True,
        ),
    ),
)
SCHEMA = DatabaseSchema(database="d", default_schema="public", fingerprint="f", tables=(PORTS, CALLS))


def test_facts_stand_behind_the_columns() -> None:
    assert prompt_form(SCHEMA) == (
        "CREATE TABLE ports (\n"
        "port_id integer,\n"
        "kind text, -- \"of harbor\"; values: 'inland', 'sea'\n"
        "depth numeric, -- 0.5 to 98.2\n"
        "opened date -- 1850-01-01 to 2020-12-31\n"
        ");\n"
        "CREATE TABLE calls (\n"
        "port integer REFERENCES ports(port_id),\n"
        "at timestamp with time zone -- 2024-01-02\n"
        ");"
    )


def test_without_facts_only_the_catalogue_speaks() -> None:
    bare = SCHEMA.model_copy(update={"tables": tuple(map(declared_only, SCHEMA.tables))})
    assert prompt_form(SCHEMA, facts=False) == prompt_form(bare) == prompt_form(bare, facts=False)
    assert "REFERENCES" not in prompt_form(bare) and "--" not in prompt_form(bare).replace('-- "of', "")


def test_an_inferred_key_is_marked_for_the_user() -> None:
    lines = compact_form(SCHEMA).splitlines()
    assert "`calls`(rows unknown): port[FK?→ports], at" in lines
    assert "  • JOIN calls ON ports.port_id = calls.port" in lines


@pytest.mark.parametrize(
    ("lowest", "highest", "told"),
    [
        ("150.00", "150", "150"),
        ("-2500.00", "2775.25", "-2500 to 2775.25"),
        ("0.000123456789", "1234567.891234", "0.00012 to 1234567.89"),
        ("1e+20", "1e+21", "100000000000000000000 to 1000000000000000000000"),
        ("0", "75000000", "0 to 75000000"),
        ("x", "x", ""),
    ],
)
def test_ranges_are_short(lowest: str, highest: str, told: str) -> None:
    column = Column(name="n", type="numeric", lowest=lowest, highest=highest)
    assert column_remark(column, "", is_key=False) == told
    assert column_remark(column, "", is_key=True) == ""


def test_texts_that_the_comment_names_are_not_repeated() -> None:
    column = Column(name="kind", type="text", values=("sea", "inland"))
    assert column_remark(column, '"sea or inland"', is_key=False) == '"sea or inland"'
    assert column_remark(column, '"seaside, inland"', is_key=False).endswith("values: 'sea', 'inland'")


def test_many_long_texts_are_cut() -> None:
    values = tuple(f"{n:02}" + "x" * 38 for n in range(12))
    told = column_remark(Column(name="kind", type="text", values=values), "", is_key=False)
    assert told.endswith("', …") and len(told) < LONGEST_VALUES + 60


@given(st.lists(st.text(max_size=40), max_size=12), st.text(max_size=30), st.text(max_size=30))
def test_no_text_leaves_its_line(values: list[str], lowest: str, highest: str) -> None:
    column = Column(name="c", type="text", values=tuple(values), lowest=lowest, highest=highest)
    table = Table(schema_name="public", name="t", columns=(column, Column(name="z", type="integer")))
    lines = prompt_form(SCHEMA.model_copy(update={"tables": (table,)})).splitlines()
    assert len(lines) == 4 and lines[2:] == ["z integer", ");"]
    assert "`" not in lines[1]
