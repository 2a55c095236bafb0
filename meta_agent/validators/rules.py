"""Every rule of the validator, with its class and severity, and the score they add up to.

One table, so that a reader sees the whole policy at a glance and a rule's name stays
stable. A class is a kind of harm: ten findings of one kind cost no more than the worst
of them, two kinds cost both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meta_agent.contracts import Severity, ValidationIssue

WEIGHTS: dict[Severity, float] = {"BLOCK": 1.0, "HIGH": 0.5, "MEDIUM": 0.2, "LOW": 0.05}
LOW_TOGETHER = 0.2
ACCEPTED_SCORE = 0.7
ASKED_SCORE = 0.5
"""From here on a person may accept what the validator does not."""
LONGEST_QUOTE = 60


@dataclass(frozen=True)
class Rule:
    """A stable name, the class of harm it belongs to, and how bad one finding is."""

    name: str
    harm: str
    severity: Severity

    def at(self, line: int | None, message: str) -> ValidationIssue:
        """A finding of this rule; ``message`` says in one sentence what is wrong and what to do instead."""
        return ValidationIssue(rule=self.name, severity=self.severity, line=line, message=message)


SYNTAX_ERROR = Rule("syntax-error", "syntax", "BLOCK")
SOURCE_UNREADABLE = Rule("source-unreadable", "syntax", "BLOCK")
SOURCE_TOO_LARGE = Rule("source-too-large", "syntax", "BLOCK")
SOURCE_ENCODING = Rule("source-encoding", "syntax", "BLOCK")
EMPTY_SCRIPT = Rule("empty-script", "syntax", "BLOCK")
TOO_DEEPLY_NESTED = Rule("too-deeply-nested", "obscurity", "BLOCK")
HIDDEN_CHARACTERS = Rule("hidden-characters", "obscurity", "HIGH")
OBSCURED_CODE = Rule("obscured-code", "obscurity", "HIGH")

DYNAMIC_CODE = Rule("dynamic-code", "dynamic-code", "BLOCK")
DYNAMIC_IMPORT = Rule("dynamic-import", "dynamic-code", "BLOCK")
INTROSPECTION = Rule("introspection", "introspection", "BLOCK")
DYNAMIC_ATTRIBUTE = Rule("dynamic-attribute", "introspection", "HIGH")
NAMESPACE_ACCESS = Rule("namespace-access", "introspection", "HIGH")
MODULE_AS_VALUE = Rule("module-as-value", "introspection", "HIGH")
MONKEY_PATCH = Rule("monkey-patch", "introspection", "HIGH")

SYSTEM_COMMAND = Rule("system-command", "system", "BLOCK")
RUNTIME_INSTALL = Rule("runtime-install", "system", "BLOCK")
NATIVE_CODE = Rule("native-code", "system", "BLOCK")
OPERATING_SYSTEM = Rule("operating-system", "system", "HIGH")
PARALLEL_PROCESSES = Rule("parallel-processes", "system", "HIGH")
NETWORK_ACCESS = Rule("network-access", "network", "BLOCK")
DESERIALISATION = Rule("deserialisation", "deserialisation", "BLOCK")
IMPORT_NOT_ALLOWED = Rule("import-not-allowed", "imports", "HIGH")
STAR_IMPORT = Rule("star-import", "imports", "LOW")
REQUIREMENT_NOT_ALLOWED = Rule("requirement-not-allowed", "imports", "HIGH")
REQUIREMENT_SOURCE = Rule("requirement-source", "imports", "BLOCK")

# A name that looks like a secret with a literal beside it may be a harmless label, so a
# person may overrule it (HIGH); a key's own shape or a URL with a password is no accident.
HARDCODED_CREDENTIAL = Rule("hardcoded-credential", "credentials", "HIGH")
EMBEDDED_SECRET = Rule("embedded-secret", "credentials", "BLOCK")
SECRET_EXPOSED = Rule("secret-exposed", "exposure", "HIGH")
WHOLE_ENVIRONMENT = Rule("whole-environment", "exposure", "HIGH")

SENSITIVE_FILE = Rule("sensitive-file", "files", "BLOCK")
FILE_FROM_OUTSIDE = Rule("file-from-outside", "files", "HIGH")
FILE_OUTSIDE_FOLDERS = Rule("file-outside-folders", "files", "HIGH")
FILE_MISPLACED = Rule("file-misplaced", "files", "MEDIUM")

DEBUG_SERVER = Rule("debug-server", "web", "BLOCK")
DEBUG_SWITCH = Rule("debug-switch", "web", "MEDIUM")
TEMPLATE_INJECTION = Rule("template-injection", "web", "HIGH")
ENDLESS_LOOP = Rule("endless-loop", "time", "HIGH")
ENDLESS_RECURSION = Rule("endless-recursion", "time", "HIGH")
LONG_WAIT = Rule("long-wait", "time", "HIGH")
RESOURCE_EXHAUSTION = Rule("resource-exhaustion", "resources", "HIGH")
XML_BOMB = Rule("xml-bomb", "resources", "HIGH")

SQL_WRITE = Rule("sql-write", "sql-write", "BLOCK")
SQL_NOT_A_QUERY = Rule("sql-not-a-query", "sql-write", "BLOCK")
SQL_SEVERAL_STATEMENTS = Rule("sql-several-statements", "sql-write", "BLOCK")
SESSION_WRITABLE = Rule("session-writable", "sql-write", "HIGH")
SQL_FUNCTION = Rule("sql-function", "sql-function", "BLOCK")
SQL_CREDENTIALS = Rule("sql-credentials", "sql-function", "HIGH")
SQL_FROM_OUTSIDE = Rule("sql-from-outside", "sql-assembly", "BLOCK")
SQL_ASSEMBLED = Rule("sql-assembled", "sql-assembly", "HIGH")
SQL_UNCHECKED = Rule("sql-unchecked", "sql-assembly", "HIGH")
SQL_UNPARSED = Rule("sql-unparsed", "sql-syntax", "LOW")

HARDCODED_CONFIGURATION = Rule("hardcoded-configuration", "configuration", "LOW")
NO_ERROR_HANDLING = Rule("no-error-handling", "error-handling", "LOW")
SWALLOWED_ERROR = Rule("swallowed-error", "error-handling", "LOW")
NO_LOGGING = Rule("no-logging", "logging", "LOW")
CONNECTION_NOT_CLOSED = Rule("connection-not-closed", "connections", "LOW")

ALL_RULES: tuple[Rule, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Rule))
HARM_OF: dict[str, str] = {rule.name: rule.harm for rule in ALL_RULES}


def security_score(issues: Iterable[ValidationIssue]) -> float:
    """1 − the sum, over the classes of harm, of the worst weight found in each; 0.0 at the least."""
    worst: dict[str, float] = {}
    for issue in issues:
        harm = HARM_OF[issue.rule]
        worst[harm] = max(worst.get(harm, 0.0), WEIGHTS[issue.severity])
    low = sum(weight for weight in worst.values() if weight == WEIGHTS["LOW"])
    rest = sum(weight for weight in worst.values() if weight != WEIGHTS["LOW"])
    return round(1.0 - min(1.0, rest + min(low, LOW_TOGETHER)), 2)


def accepts(score: float, issues: Iterable[ValidationIssue]) -> bool:
    """Whether a script with this score and these findings may run without asking anybody."""
    return score >= ACCEPTED_SCORE and all(issue.severity != "BLOCK" for issue in issues)


def may_be_asked_about(score: float, issues: Iterable[ValidationIssue]) -> bool:
    """Whether a script that is not accepted may run if a person agrees."""
    return score >= ASKED_SCORE and all(issue.severity != "BLOCK" for issue in issues)


def quoted(text: str) -> str:
    """A piece of the script as it may appear in a message: one line, short, no control characters."""
    line = " ".join(text[:1000].split())
    shown = "".join(char if char.isprintable() else "?" for char in line)
    return shown if len(shown) <= LONGEST_QUOTE else shown[: LONGEST_QUOTE - 1] + "…"
