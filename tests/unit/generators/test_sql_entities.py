from __future__ import annotations

import pytest
from sample_schema import PORTFOLIO
from script_examples import GLOSSARY, generate, sql_block
from stored_texts import StoredTexts

from meta_agent.generators.sql_entities import missing_names, names_in
from meta_agent.generators.sql_parsing import parse_queries


@pytest.mark.parametrize(
    ("request_text", "entities", "names"),
    [
        ("the rent of 'Sunset Mall'", (), ("Sunset Mall",)),
        ("the rent of “Sunset Mall”", (), ("Sunset Mall",)),
        ("the rent of Sunset Mall", ("Sunset Mall",), ("Sunset Mall",)),
        ("Sunset Mall: the rent?", ("Sunset Mall",), ("Sunset Mall",)),
        ("the rents in Tampa", ("Tampa", "rents"), ("Tampa",)),
        ("Properties in the south", ("Properties", "south"), ()),
        ("the Net Operating Income of all", ("Net Operating Income",), ()),
        ("the tenant's rent and the owner's share", (), ()),
        ("income of January 2024", ("January 2024",), ()),
        ("what is the DSCR of 'properties'", ("DSCR",), ()),
        ("the rent", ("Sunset Mall",), ()),
    ],
)
def test_names_of_a_request(request_text: str, entities: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert names_in(request_text, entities, PORTFOLIO, GLOSSARY) == names


def test_a_name_in_no_table_of_the_query_is_told() -> None:
    tree = parse_queries("SELECT 1 FROM properties p JOIN leases l USING (property_id)")[0]
    absent = StoredTexts(counts=[0, 0])
    assert list(missing_names(["100%_\\'x"], [tree], PORTFOLIO, absent)) == [
        "'100%_\\'x' is found nowhere in properties, leases; the answer may not be about it."
    ]
    assert "'%100\\%\\_\\\\''x%'" in absent.asked[0]


@pytest.mark.parametrize("counts", [[0, 1], [1, 0], [0, None]])
def test_a_name_that_is_or_may_be_there_is_not(counts: list[int | None]) -> None:
    tree = parse_queries("SELECT 1 FROM properties p JOIN leases l USING (property_id)")[0]
    assert list(missing_names(["Nike"], [tree], PORTFOLIO, StoredTexts(counts=counts))) == []


def test_a_full_table_is_not_shown_silently() -> None:
    script, _ = generate(
        [sql_block("SELECT property_name FROM properties")],
        "Which properties has 'Quux Holding'?",
        lookup=StoredTexts(counts=[0]),
    )
    assert script.warnings == (
        "'Quux Holding' is found nowhere in properties; the answer may not be about it.",
    )
