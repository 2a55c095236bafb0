"""The settings: the only reader of the environment and of .env.

Every name here is an environment variable of the same name in capitals; README.md
explains each. The environment wins over .env.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from meta_agent.errors import UsageError

PROJECT_DIR = Path(__file__).resolve().parent
EMBEDDED_MODEL = "embedded"
"""As LLM_BASE_URL: the small model that the tool starts itself."""
SAMPLE_DATABASE = "sample"
"""As DATABASE_URL: the sample portfolio that the tool starts itself."""


class Settings(BaseSettings):
    """All settings, checked; empty values count as not set."""

    model_config = SettingsConfigDict(
        env_file=PROJECT_DIR / ".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    database_url: SecretStr | None = None

    llm_base_url: str = "http://localhost:1234/v1"
    llm_model_name: str = "qwen2.5-coder-7b-instruct-mlx"
    llm_api_key: SecretStr = SecretStr("lm-studio")
    llm_temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    llm_max_tokens: int = Field(default=4000, ge=64, le=65536)
    llm_context_length: int = Field(default=32768, ge=1024)
    llm_timeout: float = Field(default=300.0, gt=0, le=3600)
    llm_idle_timeout: float = Field(default=60.0, gt=0, le=3600)

    host: str = "0.0.0.0"  # noqa: S104 - inside a container; published on 127.0.0.1 only
    port: int = Field(default=8080, ge=1, le=65535)
    log_level: Literal["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"] = "INFO"

    base_image: str = "python:3.12-slim"
    script_timeout: int = Field(default=120, ge=1, le=3600)
    glossary_path: Path = PROJECT_DIR / "glossary.yaml"
    runs_dir: Path = PROJECT_DIR / "generated_scripts"
    cache_dir: Path | None = Field(
        default=None, validation_alias=AliasChoices("cache_dir", "META_AGENT_CACHE")
    )

    xdg_cache_home: Path | None = None

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @property
    def cache_folder(self) -> Path:
        """Where models, the sample database and schema caches are kept."""
        if self.cache_dir is not None:
            return self.cache_dir.expanduser().absolute()
        return (self.xdg_cache_home or Path.home() / ".cache").absolute() / "meta-agent"


def load_settings(*, demo: bool = False) -> Settings:
    """The settings of this run; ``demo`` takes the embedded model and the sample database.

    Raises UsageError that names the wrong variable, never its value.
    """
    overrides = {"llm_base_url": EMBEDDED_MODEL, "database_url": SAMPLE_DATABASE} if demo else {}
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "a setting"
        raise UsageError(
            f"The setting {name} is not usable: {first['msg']}.",
            f"Correct {name} in the environment or in .env.",
        ) from None
