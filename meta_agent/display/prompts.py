"""The prompts of a request, as they would be sent: data, so unchanged and on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meta_agent.prompt_preview import PromptPreview


def preview_as_text(preview: PromptPreview) -> str:
    """Each text under a line that says what it is; a schema alone as it is."""
    if not preview.prompts:
        return f"{preview.database_schema}\n" if preview.database_schema else ""
    texts = [
        f"=== {prompt.stage}: {role} ===\n{text.rstrip()}\n"
        for prompt in preview.prompts
        for role, text in (("system", prompt.system), ("user", prompt.user))
    ]
    return "\n".join(texts)


def preview_as_json(preview: PromptPreview) -> dict[str, Any]:
    """The object that ``prompt --json`` prints."""
    return {
        "schema": preview.database_schema,
        "prompts": [prompt.model_dump() for prompt in preview.prompts],
        "warnings": list(preview.warnings),
    }
