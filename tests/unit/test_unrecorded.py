"""Words that the database has nothing for, and years outside its dates."""

from __future__ import annotations

import pytest

from meta_agent.contracts import Column, DatabaseSchema, Table
from meta_agent.glossary import Glossary, Metric, Threshold
from meta_agent.unrecorded import unrecorded_words, years_without_rows

CLINIC = DatabaseSchema(
    database="clinic",
    default_schema="public",
    fingerprint="f",
    tables=(
        Table(
            schema_name="public",
            name="visits",
            comment="Every visit of a patient",
            columns=(
                Column(name="visit_id", type="integer"),
                Column(name="visit_date", type="date", lowest="2021-02-01", highest="2023-11-30"),
                Column(name="material_costs", type="numeric", comment="bandages and drugs, EUR"),
                Column(name="ward", type="text", values=("Surgery", "Cardiology")),
            ),
        ),
    ),
)
GLOSSARY = Glossary(
    metrics=(
        Metric(
            name="cost per visit",
            meaning="cost per visit",
            formula="costs / visits",
            thresholds=(Threshold(at_least=9, label="Steep"), Threshold(label="Fair")),
        ),
    )
)


@pytest.mark.parametrize(
    ("request_text", "words"),
    [
        ("How many visits were there per ward?", ()),
        ("visits with their parking tickets", ("tickets",)),
        ("the phone number of every patient", ("phone",)),
        ("How much did we spend on bandages?", ()),
        ("visits in the surgery", ()),
        ("maco by ward", ()),
        ("Which visits are steep?", ()),
        ("I need to scrutinise the visits, can you fetch them?", ()),
        ("visits of Doctor Quux, or of 'a stranger'", ()),
        ("visitts per wards", ()),
        ("the visit-date and the drug-costs of all visits", ()),
        ("the pre-op drugs of a ward", ("pre-op",)),
        ("insurance, allergies, vaccines and surgeons of all visits", ("insurance", "allergies", "vaccines")),
    ],
)
def test_nouns_that_stand_nowhere_are_found(request_text: str, words: tuple[str, ...]) -> None:
    assert unrecorded_words(request_text, CLINIC, GLOSSARY) == words


def test_what_was_found_among_the_rows_is_known() -> None:
    assert unrecorded_words("visits of quux", CLINIC, GLOSSARY) == ("quux",)
    assert unrecorded_words("visits of quux", CLINIC, GLOSSARY, stored=["Quux"]) == ()


@pytest.mark.parametrize(
    ("request_text", "said"),
    [
        ("visits in 2019", "There is nothing of 2019: the dates in visits go from 2021-02-01 to 2023-11-30."),
        ("visits in 2022", None),
        ("visits above 2019.50 EUR", None),
        ("all visits", None),
    ],
)
def test_a_year_outside_all_dates_is_told(request_text: str, said: str | None) -> None:
    assert years_without_rows(request_text, CLINIC.tables) == said
