"""What makes a question the same, and what does not."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meta_agent.contracts import Column, DatabaseSchema, ForeignKey, Table
from meta_agent.glossary import Glossary, Metric, load_glossary
from meta_agent.mechanisms import Mechanisms
from meta_agent.runs import proven
from meta_agent.runs.proven import Circumstances, structure_of, tool_stamp

PROJECT = Path(__file__).resolve().parents[3]
HERE = Circumstances("postgresql://reader@host/db", "coder server 0 0", Glossary())


def test_blanks_make_no_difference() -> None:
    assert HERE.key("How  many\n properties? ") == HERE.key("How many properties?")


@pytest.mark.parametrize(
    "other",
    [
        replace(HERE, database=""),
        replace(HERE, database="postgresql://other@host/db"),
        replace(HERE, model="coder-7b server 0 0"),
        replace(HERE, mechanisms=Mechanisms(drafts=1)),
        replace(HERE, glossary=Glossary(additive_words=frozenset({"balance"}))),
        replace(HERE, glossary=Glossary(metrics=(Metric(name="X", meaning="x", formula="1"),))),
    ],
    ids=range(6),
)
def test_everything_else_does(other: Circumstances) -> None:
    assert other.key("How many?") != HERE.key("How many?")


def test_keys_that_only_the_rows_show_are_part_of_the_structure() -> None:
    column = Column(name="plot", type="integer")
    key = ForeignKey(
        columns=("plot",),
        referred_schema="s",
        referred_table="plots",
        referred_columns=("id",),
        inferred=True,
    )

    def structure(fingerprint: str = "f", **facts: Any) -> str:
        table = Table(schema_name="s", name="t", columns=(column,)).model_copy(update=facts)
        return structure_of(
            DatabaseSchema(database="d", default_schema="s", fingerprint=fingerprint, tables=(table,))
        )

    plain, declared = structure(), key.model_copy(update={"inferred": False})
    structures = {
        plain,
        structure("g"),
        structure(foreign_keys=(key,)),
        structure(inferred_unique=(("plot",),)),
    }
    assert len(structures) == 4
    told_already = {"foreign_keys": (declared,), "row_count": 7}
    told_already["columns"] = (column.model_copy(update={"lowest": "1"}),)
    assert structure(**told_already) == plain


def test_the_key_is_the_same_in_every_process() -> None:
    """Sets are ordered by hashes, which differ between processes."""
    program = (
        "from pathlib import Path; from meta_agent.glossary import load_glossary;"
        "from meta_agent.runs.proven import Circumstances;"
        "print(Circumstances('', 'm', load_glossary(Path('glossary.yaml'))).key('How many?'))"
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=PROJECT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(keys) == 1
    here = Circumstances("", "m", load_glossary(PROJECT / "glossary.yaml"))
    assert keys == {here.key("How many?") + "\n"}


def test_a_changed_file_of_the_tool_changes_its_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proven, "_PACKAGE", tmp_path)
    (tmp_path / "prompts").mkdir()
    file = tmp_path / "prompts" / "a.md"
    stamps = []
    for text in ("one", "three"):
        file.write_text(text)
        tool_stamp.cache_clear()
        stamps.append(tool_stamp())
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("x")
    tool_stamp.cache_clear()
    stamps.append(tool_stamp())
    tool_stamp.cache_clear()
    assert stamps[0] != stamps[1] == stamps[2]
