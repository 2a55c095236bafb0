"""Sheets of a workbook: tables without the model, others asked for one by one, impossible ones left out."""

from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO
from script_examples import GLOSSARY, plan

from meta_agent.errors import NoAnswer
from meta_agent.generators.query_mender import Task, WrittenQueries, WrittenQuery
from meta_agent.generators.sheet_queries import table_called, whole_table, write_sheets
from meta_agent.generators.sql_parsing import parse_queries

TASK = Task("Show all data.", plan(name="All data"), glossary=GLOSSARY)


class Writer:
    """Stands for the model: answers every task with the same query, or refuses."""

    def __init__(self, *, refuses: str = "") -> None:
        self.tasks: list[Task] = []
        self._refuses = refuses

    def __call__(self, task: Task, problem: str | None) -> WrittenQueries:
        self.tasks.append(task)
        if self._refuses and self._refuses in task.request:
            raise NoAnswer("There are no such rows.", "Ask for others.")
        tree = parse_queries("SELECT 1 AS dscr")[0]
        return WrittenQueries((WrittenQuery("x", "SELECT 1 AS dscr", tree),), ("mended",), ("Look twice.",))


def test_a_table_is_shown_whole_in_the_order_of_its_key() -> None:
    table = next(table for table in PORTFOLIO.tables if table.name == "financial_metrics")
    query = whole_table(table, "Financial metrics", PORTFOLIO)
    assert query.tree.named_selects == [column.name for column in table.columns]
    assert query.sql.endswith("ORDER BY\n  financial_metrics.metric_id")


def test_a_table_of_another_schema_and_odd_names_is_quoted() -> None:
    table = PORTFOLIO.tables[0].model_copy(update={"schema_name": "Old Data", "name": "Rent Roll"})
    sql = whole_table(table, "x", PORTFOLIO).sql
    assert 'FROM "Old Data"."Rent Roll"' in sql
    assert '"Rent Roll".property_id' in sql
    parse_queries(sql)


@pytest.mark.parametrize("words", ["financial metrics", "Financial Metrics", "financial metrics data"])
def test_a_sheet_may_be_called_like_a_table(words: str) -> None:
    table = table_called(words, PORTFOLIO)
    assert table is not None
    assert table.name == "financial_metrics"


def test_a_sheet_of_another_name_is_a_question() -> None:
    writer = Writer()
    written = write_sheets(("properties", "DSCR analysis"), TASK, PORTFOLIO, writer, None)
    assert [query.title for query in written.queries] == ["Properties", "DSCR analysis"]
    assert [task.request for task in writer.tasks] == ["Show all data: DSCR analysis"]
    assert [metric.name for metric in writer.tasks[0].definitions] == ["DSCR"]
    assert (written.repairs, written.warnings) == (("mended",), ("DSCR analysis: Look twice.",))


def test_a_sheet_that_cannot_be_filled_is_left_out_and_told() -> None:
    written = write_sheets(("properties", "tides"), TASK, PORTFOLIO, Writer(refuses="tides"), None)
    assert [query.title for query in written.queries] == ["Properties"]
    assert written.warnings == ("There is no sheet for Tides: There are no such rows.",)


def test_without_any_sheet_there_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match="no such rows"):
        write_sheets(("tides",), TASK, PORTFOLIO, Writer(refuses="tides"), None)
