# ruff: noqa: E501 - queries stay on one line
from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO, database, table
from script_examples import FakeExplain, generate, sql_block

from meta_agent.generators.sql_parsing import parse_queries, to_sql
from meta_agent.generators.sql_ranking import limited_to, mend_count, mend_direction, put_unknown_last
from meta_agent.ranking import Ranking

TOP5 = Ranking(5, "high")


def flat(sql: str) -> str:
    return " ".join(to_sql(parse_queries(sql)[0]).split())


def counted(sql: str, ranking: Ranking | None = TOP5) -> tuple[str, list[str]]:
    tree = parse_queries(sql)[0]
    repairs = mend_count(tree, ranking)
    return " ".join(to_sql(tree).split()), repairs


def turned(sql: str, request: str, ranking: Ranking | None = TOP5) -> tuple[str, list[str]]:
    tree = parse_queries(sql)[0]
    repairs = mend_direction(tree, ranking, request, PORTFOLIO)
    return " ".join(to_sql(tree).split()), repairs


class TestCount:
    @pytest.mark.parametrize(
        ("sql", "end", "repair"),
        [
            ("SELECT noi FROM f ORDER BY noi DESC", "LIMIT 5", "the first 5 rows are taken, as asked"),
            ("SELECT noi FROM f ORDER BY noi DESC LIMIT 10", "LIMIT 5", "the first 5 rows are taken instead of 10, as asked"),
            ("SELECT noi FROM f ORDER BY noi FETCH FIRST 1 ROWS ONLY", "LIMIT 5", "the first 5 rows are taken instead of 1, as asked"),
        ],
    )  # fmt: skip
    def test_as_many_rows_as_asked(self, sql: str, end: str, repair: str) -> None:
        after, repairs = counted(sql)
        assert after.endswith(end) and repairs == [repair]

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT noi FROM f ORDER BY noi DESC LIMIT 5",
            "SELECT noi FROM f",
            "SELECT noi FROM f ORDER BY noi DESC LIMIT 10 OFFSET 5",
            "SELECT a FROM (SELECT a, b FROM f ORDER BY b DESC LIMIT 5) AS t ORDER BY a",
            "SELECT a, RANK() OVER (ORDER BY b DESC) AS r FROM f ORDER BY r",
            "SELECT noi FROM f ORDER BY noi DESC FETCH FIRST 3 ROWS WITH TIES",
        ],
    )
    def test_what_fits_or_is_not_plain_is_left_alone(self, sql: str) -> None:
        assert counted(sql) == (flat(sql), [])

    def test_without_a_ranking_nothing_changes(self) -> None:
        sql = "SELECT noi FROM f ORDER BY noi DESC LIMIT 3"
        assert counted(sql, None) == (flat(sql), [])
        assert limited_to(parse_queries(sql)[0]) == 3


class TestDirection:
    @pytest.mark.parametrize(
        ("sql", "request_text"),
        [
            ("SELECT noi FROM financial_metrics ORDER BY noi LIMIT 5", "top 5 by NOI"),
            ("SELECT property_id, SUM(noi) AS n FROM financial_metrics GROUP BY 1 ORDER BY n LIMIT 5", "top 5 by NOI"),
            ("SELECT property_id, noi FROM financial_metrics ORDER BY 2 LIMIT 5", "top 5 NOI figures"),
            ("SELECT lender, COUNT(*) AS n FROM loans GROUP BY lender ORDER BY n LIMIT 5", "5 lenders with the most loans"),
        ],
    )  # fmt: skip
    def test_the_wrong_end_is_turned_round(self, sql: str, request_text: str) -> None:
        after, repairs = turned(sql, request_text)
        assert "DESC NULLS LAST" in after
        assert repairs == ["ordered from the highest down, as asked"]

    def test_lowest_first(self) -> None:
        after, repairs = turned("SELECT noi FROM financial_metrics ORDER BY noi DESC LIMIT 5", "5 lowest NOI", Ranking(5, "low"))  # fmt: skip
        assert "DESC" not in after and repairs == ["ordered from the lowest up, as asked"]

    @pytest.mark.parametrize(
        ("sql", "request_text", "ranking"),
        [
            ("SELECT noi FROM financial_metrics ORDER BY noi DESC LIMIT 5", "top 5 by NOI", TOP5),
            ("SELECT noi FROM financial_metrics ORDER BY noi LIMIT 5", "top 5 by NOI", Ranking(5, None)),
            ("SELECT noi FROM financial_metrics ORDER BY noi LIMIT 5", "top 5 by value", TOP5),
            ("SELECT noi FROM financial_metrics ORDER BY -noi LIMIT 5", "top 5 by NOI", TOP5),
            ("SELECT maturity_date FROM loans ORDER BY maturity_date LIMIT 5", "top 5 by maturity date", TOP5),
            ("SELECT lender FROM loans ORDER BY lender LIMIT 5", "top 5 by lender", TOP5),
            ("SELECT noi / property_value AS x FROM financial_metrics ORDER BY x LIMIT 5", "top 5 by NOI to property value", TOP5),
            ("SELECT noi FROM financial_metrics ORDER BY noi", "top 5 by NOI", TOP5),
        ],
    )  # fmt: skip
    def test_where_it_is_right_or_not_sure_nothing_changes(
        self, sql: str, request_text: str, ranking: Ranking
    ) -> None:
        assert turned(sql, request_text, ranking) == (flat(sql), [])


class TestUnknown:
    SCHEMA = database(table("t", "id:integer sure maybe?", key=("id",)), table("u", "id:integer sure"))

    @pytest.mark.parametrize(
        ("sql", "changes"),
        [
            ("SELECT maybe FROM t ORDER BY maybe DESC LIMIT 5", True),
            ("SELECT sure / NULLIF(id, 0) AS r FROM t ORDER BY r DESC LIMIT 5", True),
            ("SELECT t.id FROM t LEFT JOIN u ON u.id = t.id ORDER BY u.sure DESC LIMIT 5", True),
            ("SELECT sure FROM t ORDER BY sure DESC LIMIT 5", False),
            ("SELECT sure, COUNT(*) AS n FROM t GROUP BY sure ORDER BY n DESC LIMIT 5", False),
            ("SELECT maybe FROM t ORDER BY maybe DESC", False),
            ("SELECT maybe FROM t ORDER BY maybe LIMIT 5", False),
            ("SELECT maybe FROM t ORDER BY maybe DESC NULLS LAST LIMIT 5", False),
        ],
    )
    def test_rows_without_the_figure_come_last(self, sql: str, changes: bool) -> None:
        tree = parse_queries(sql)[0]
        repairs = put_unknown_last(tree, self.SCHEMA)
        assert bool(repairs) is changes
        assert ("NULLS LAST" in to_sql(tree)) is (changes or "NULLS LAST" in sql)
        assert (" ".join(to_sql(tree).split()) != flat(sql)) is changes


def test_the_generator_holds_the_query_against_the_request() -> None:
    draft = sql_block("SELECT metric_id, noi FROM financial_metrics ORDER BY noi LIMIT 10")
    script, _ = generate([draft], "The top five properties by NOI")
    assert script.queries[0].sql.endswith("ORDER BY\n  noi DESC NULLS LAST\nLIMIT 5")
    assert script.repairs == (
        "the first 5 rows are taken instead of 10, as asked",
        "ordered from the highest down, as asked",
    )


def test_of_several_queries_none_is_cut() -> None:
    draft = sql_block(
        "SELECT noi FROM financial_metrics ORDER BY noi DESC;\nSELECT city FROM properties ORDER BY city"
    )
    script, _ = generate([draft], "The top five properties by NOI, and the cities")
    assert all("LIMIT" not in query.sql for query in script.queries)


def test_a_change_that_postgresql_refuses_is_not_kept() -> None:
    draft = sql_block("SELECT noi FROM financial_metrics ORDER BY noi DESC")
    script, _ = generate([draft], "Top 5 by NOI", explain=FakeExplain({"LIMIT 5": "no"}))
    assert "LIMIT" not in script.queries[0].sql and script.repairs == ()
