"""What a model server says about itself: its kind, its models, the context they are loaded with.

OpenAI's protocol only lists names, and LM Studio lists models that are on disk but
not loaded. Its own REST API and llama.cpp's ``/props`` tell the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from meta_agent.errors import ModelError
from meta_agent.llm.names import find_model
from meta_agent.llm.options import ModelOptions
from meta_agent.llm.rest import Answer, RestClient, too_slow

ServerKind = Literal["LM Studio", "llama.cpp", "OpenAI-compatible"]

LOADING_POLL = 0.25
MOST_NAMES = 8


@dataclass(frozen=True)
class LoadedModel:
    """The wanted model as the server has it."""

    name: str
    """As the server spells it."""
    server: ServerKind
    context_length: int | None
    """None where the server does not tell."""


def find_loaded(rest: RestClient, options: ModelOptions) -> LoadedModel:
    """The wanted model, as loaded. Raises ModelError that names what is loaded instead."""
    listing = until_loaded(rest, options, lambda: rest.get(f"{options.api_url}/models"))
    entries = _entries(listing)
    if listing.status in (401, 403):
        raise ModelError(
            f"The model server at {options.api_url} refused the API key (status {listing.status}).",
            "Set LLM_API_KEY to the key this server expects.",
        )
    if entries is None:
        raise not_compatible(options, f"{options.api_url}/models lists no models")
    studio = _entries(rest.get(f"{options.root_url}/api/v0/models"))
    if studio and any("state" in entry for entry in studio):
        return _in_lm_studio(studio, options)
    entry = _named(options, entries, "served")
    return _in_other(rest, options, entry)


def until_loaded(rest: RestClient, options: ModelOptions, ask: Callable[[], Answer]) -> Answer:
    """The first answer that is not llama.cpp's 503 "Loading model". Raises ModelTimeout at the deadline."""
    while (answer := ask()).status == 503:
        if rest.seconds_left <= LOADING_POLL:
            raise too_slow(options)
        time.sleep(LOADING_POLL)
    return answer


def not_compatible(options: ModelOptions, why: str) -> ModelError:
    """The error of something at the URL that is no OpenAI-compatible server."""
    return ModelError(
        f"What answers at {options.api_url} is not an OpenAI-compatible server: {why}.",
        "Set LLM_BASE_URL to the model server, with the /v1 at its end.",
    )


def _in_lm_studio(models: Sequence[Mapping[str, Any]], options: ModelOptions) -> LoadedModel:
    loaded = [m for m in models if m.get("state") == "loaded" and m.get("type") != "embeddings"]
    entry = _named(options, loaded, "loaded")
    return LoadedModel(str(entry["id"]), "LM Studio", _positive(entry.get("loaded_context_length")))


def _in_other(rest: RestClient, options: ModelOptions, entry: Mapping[str, Any]) -> LoadedModel:
    name = str(entry["id"])
    properties = rest.get(f"{options.root_url}/props").body
    settings = properties.get("default_generation_settings") if isinstance(properties, dict) else None
    if isinstance(settings, dict) and (length := _positive(settings.get("n_ctx"))):
        return LoadedModel(name, "llama.cpp", length)
    return LoadedModel(name, "OpenAI-compatible", _positive(entry.get("max_model_len")))


def _named(options: ModelOptions, entries: Sequence[Mapping[str, Any]], how: str) -> Mapping[str, Any]:
    by_name = {str(entry["id"]): entry for entry in entries}
    found = find_model(options.model, by_name)
    if found is not None:
        return by_name[found]
    names = ", ".join(sorted(by_name)[:MOST_NAMES])
    instead = f"{how} there: {names}" if names else f"no model is {how}"
    raise ModelError(
        f"The model {options.model} is not {how} at {options.api_url} ({instead}).",
        "Load it in the model server, or set LLM_MODEL_NAME to the model that is loaded.",
    )


def _entries(answer: Answer) -> list[Mapping[str, Any]] | None:
    data = answer.body.get("data") if answer.status == 200 and isinstance(answer.body, dict) else None
    if not isinstance(data, list):
        return None
    return [entry for entry in data if isinstance(entry, dict) and isinstance(entry.get("id"), str)]


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
