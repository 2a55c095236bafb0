"""A pydantic model as a JSON schema that every local server understands.

Servers turn the schema into a grammar and differ in what they know: references,
titles, defaults, numeric bounds and lengths are left out or resolved. What is left out
is checked afterwards by pydantic. The shape is the strict one of OpenAI's own
client (every property required, none beside them), which all servers are tested with;
an answer model should hold only what the model shall really write.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

_KEPT = ("type", "enum", "minItems", "maxItems")


def response_format(answer_type: type[BaseModel]) -> dict[str, Any]:
    """The ``response_format`` of a chat call that shall answer with ``answer_type``.

    Raises TypeError for a model that contains itself.
    """
    return {
        "type": "json_schema",
        "json_schema": {
            "name": answer_type.__name__,
            "strict": True,
            "schema": plain_schema(answer_type),
        },
    }


def plain_schema(answer_type: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of ``answer_type`` without references and rare keywords."""
    full = answer_type.model_json_schema()
    return _plain(full, full.get("$defs", {}), ())


def _plain(node: dict[str, Any], definitions: dict[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
    if "$ref" in node:
        name = str(node["$ref"]).rsplit("/", 1)[-1]
        if name in inside:
            raise TypeError(f"{name} contains itself: such a schema has no plain form")
        return _plain(definitions[name], definitions, (*inside, name))
    if "allOf" in node and len(node["allOf"]) == 1:
        return _plain(node["allOf"][0], definitions, inside)
    plain = {key: node[key] for key in _KEPT if key in node}
    if "const" in node:
        plain["enum"] = [node["const"]]
    for union in ("anyOf", "oneOf"):
        if union in node:
            plain["anyOf"] = [_plain(choice, definitions, inside) for choice in node[union]]
    if "items" in node:
        plain["items"] = _plain(node["items"], definitions, inside)
    if node.get("type") == "object":
        plain |= _object(node, definitions, inside)
    return plain


def _object(node: dict[str, Any], definitions: dict[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
    if "properties" not in node and isinstance(node.get("additionalProperties"), dict):
        return {"additionalProperties": _plain(node["additionalProperties"], definitions, inside)}
    properties = node.get("properties", {})
    return {
        "properties": {name: _plain(inner, definitions, inside) for name, inner in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }
