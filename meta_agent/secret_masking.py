"""Where passwords are taken out on the way through a run: of the request, the script, and what it leaves.

Logs, records and prompts are masked where they are written and sent: ``runs/log.py``,
``runs/journal.py``, ``llm/conversation.py``; what else is shown in ``display/reporter.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from meta_agent.contracts import (
    DatabaseSchema,
    ExecutionResult,
    ResultTable,
    ScriptResult,
    UserRequest,
    ValidationResult,
)
from meta_agent.runs.journal import RunJournal
from meta_agent.runs.masked_files import mask_files
from meta_agent.runs.secrets import holds, mask, mask_all
from meta_agent.validators.rules import EMBEDDED_SECRET


def masked_request(request: UserRequest, run: RunJournal) -> UserRequest:
    """The request as it may be kept, shown and sent; the run is warned where a password was taken out."""
    text = mask(request.text, run.secrets)
    if text == request.text:
        return request
    run.request = text
    run.warnings.append("The request had a password in it: it was replaced by ****.")
    return request.model_copy(update={"text": text})


def spare_names(run: RunJournal) -> None:
    """Hide no password that is also a name in the database: no query could be written without it."""
    words = set(_words_of(run.schema)) if run.schema else set()
    spared = [secret for secret in run.secrets if secret.lower() in words]
    if spared:
        run.secrets[:] = [secret for secret in run.secrets if secret not in spared]
        run.warnings.append(
            "A password of your settings is also a name in the database and cannot be masked; choose another."
        )


def _words_of(schema: DatabaseSchema) -> Iterator[str]:
    """Its names, and the words that they are made of, in lower case."""
    for table in schema.tables:
        for name in (table.schema_name, table.name, *(column.name for column in table.columns)):
            yield name.lower()
            yield from re.split(r"[^a-z0-9]+", name.lower())


def verdict_on_secrets(verdict: ValidationResult, source: str, secrets: Sequence[str]) -> ValidationResult:
    """The verdict on a script, which is a refusal where one of the user's own passwords stands in it."""
    if not holds(source, secrets):
        return verdict
    line = next((n for n, text in enumerate(source.splitlines(), 1) if holds(text, secrets)), None)
    issue = EMBEDDED_SECRET.at(
        line, "A password of your settings stands in the script; read it from DATABASE_URL."
    )
    refused = {"is_valid": False, "security_score": 0.0, "issues": (issue, *verdict.issues)}
    return verdict.model_copy(update=refused)


def masked_execution(result: ExecutionResult, run_dir: Path, secrets: Sequence[str]) -> ExecutionResult:
    """What a script has left behind, without passwords: its files in ``run_dir``, and its answer."""
    files, warnings = mask_files(run_dir, result.files, secrets)
    answer = _masked_answer(result.result, secrets) if result.result else None
    return result.model_copy(
        update={"files": files, "warnings": (*result.warnings, *warnings), "result": answer}
    )


def _masked_answer(answer: ScriptResult, secrets: Sequence[str]) -> ScriptResult:
    """Also in the names that the script gave to columns and figures."""
    tables = [
        {**mask_all(table.model_dump(), secrets), "rows": mask_all(table.rows, secrets, keys=True)}
        for table in answer.tables
    ]
    return answer.model_copy(
        update={
            "tables": tuple(map(ResultTable.model_validate, tables)),
            "summary": mask_all(answer.summary, secrets, keys=True),
        }
    )
