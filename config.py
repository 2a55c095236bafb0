"""The settings: the only reader of the environment and of .env.

Every name here is an environment variable of the same name in capitals; README.md
explains each. The environment wins over .env.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from meta_agent.errors import UsageError

if TYPE_CHECKING:
    from meta_agent.commands.parts import Places
    from meta_agent.consent import Consent
    from meta_agent.llm.options import ModelOptions
    from meta_agent.mail.options import MailOptions
    from meta_agent.sandbox.options import SandboxOptions
    from meta_agent.session import SessionOptions

PROJECT_DIR = Path(__file__).resolve().parent
EMBEDDED_MODEL = "embedded"
"""As LLM_BASE_URL: the small model that the tool starts itself."""
SAMPLE_DATABASE = "sample"
"""As DATABASE_URL: the sample portfolio that the tool starts itself."""


class LiteralEnvFile(DotEnvSettingsSource):
    """An .env file whose values mean what they say: ``${`` in a password names no variable."""

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        values = dotenv_values(file_path, interpolate=False, encoding=self.env_file_encoding)
        return {name.lower(): value for name, value in values.items() if value}


class Settings(BaseSettings):
    """All settings, checked; empty values count as not set."""

    model_config = SettingsConfigDict(
        env_file=PROJECT_DIR / ".env",
        env_file_encoding="utf-8-sig",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    database_url: SecretStr | None = None
    database_reader_url: SecretStr | None = None

    llm_base_url: str = "http://localhost:1234/v1"
    llm_model_name: str = "qwen2.5-coder-7b-instruct-mlx"
    llm_api_key: SecretStr = SecretStr("lm-studio")
    llm_temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    llm_max_tokens: int = Field(default=4000, ge=64, le=65536)
    llm_context_length: int = Field(default=32768, ge=1024)
    llm_timeout: float = Field(default=300.0, gt=0, le=3600)
    llm_idle_timeout: float = Field(default=60.0, gt=0, le=3600)
    llm_cache: bool = True

    schema_values: bool = True
    schema_samples: int = Field(default=0, ge=0, le=5)

    host: str = "0.0.0.0"  # noqa: S104 - inside a container; published on 127.0.0.1 only
    port: int = Field(default=8080, ge=1, le=65535)
    log_level: Literal["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"] = "INFO"

    base_image: str = Field(default="python:3.12-slim", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,254}$")
    script_timeout: int = Field(default=120, ge=1, le=3600)
    sandbox_runtime: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    glossary_path: Path = PROJECT_DIR / "glossary.yaml"
    runs_dir: Path = PROJECT_DIR / "generated_scripts"
    questions_dir: Path = PROJECT_DIR / "questions" / "saved"
    cache_dir: Path | None = Field(default=None, validation_alias="META_AGENT_CACHE")
    model_idle_minutes: float = Field(
        default=30.0, ge=0, le=10_000, validation_alias="META_AGENT_MODEL_IDLE_MINUTES"
    )

    smtp_host: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.:_-]{1,253}$")
    smtp_port: int | None = Field(default=None, ge=1, le=65535)
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str | None = None
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"

    xdg_cache_home: Path | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, that over .env."""
        file = getattr(dotenv_settings, "env_file", None)
        literal = LiteralEnvFile(settings_cls, env_file=file)
        return init_settings, env_settings, literal, file_secret_settings

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("glossary_path", "runs_dir", "questions_dir", "cache_dir", "xdg_cache_home")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path is not None else None

    @property
    def model_options(self) -> ModelOptions:
        """What the model client needs to know; the embedded model's address is known once it runs."""
        from meta_agent.llm.options import ModelOptions

        return ModelOptions(
            base_url=self.llm_base_url,
            model=self.llm_model_name,
            api_key=self.llm_api_key.get_secret_value(),
            temperature=self.llm_temperature,
            max_tokens=self.llm_max_tokens,
            context_length=self.llm_context_length,
            idle_timeout=self.llm_idle_timeout,
            call_timeout=self.llm_timeout,
        )

    @property
    def mail_options(self) -> MailOptions | None:
        """How answers are sent; None where no server and sender are named."""
        from meta_agent.mail.options import PORTS, MailOptions

        if self.smtp_host is None or self.smtp_from is None:
            return None
        return MailOptions(
            host=self.smtp_host,
            sender=self.smtp_from,
            port=self.smtp_port or PORTS[self.smtp_security],
            security=self.smtp_security,
            user=self.smtp_user,
            password=_text(self.smtp_password),
        )

    @property
    def sandbox_options(self) -> SandboxOptions:
        """What the sandbox needs to know."""
        from meta_agent.sandbox.options import SandboxOptions

        return SandboxOptions(
            base_image=self.base_image,
            time_limit_seconds=float(self.script_timeout),
            runtime=self.sandbox_runtime,
            page_port=self.port,
        )

    @property
    def places(self) -> Places:
        """Where runs and questions are."""
        from meta_agent.commands.parts import Places

        return Places(
            runs_dir=self.runs_dir,
            cache_dir=self.cache_folder,
            questions_dir=self.questions_dir,
            glossary_path=self.glossary_path,
            sandbox=self.sandbox_options,
            secrets=self.secrets,
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must stand in no log, record or file to share."""
        from meta_agent.runs.secrets import secrets_of_url

        url, reader = _text(self.database_url), _text(self.database_reader_url)
        return (
            *secrets_of_url(url),
            *secrets_of_url(reader),
            *secrets_of_url(self.llm_base_url),
            self.llm_api_key.get_secret_value(),
            *filter(None, [_text(self.smtp_password)]),
        )

    @property
    def cache_folder(self) -> Path:
        """Where models, the sample database, schemas and answers are kept."""
        return self.cache_dir or (self.xdg_cache_home or Path.home() / ".cache").absolute() / "meta-agent"


def load_settings(*, demo: bool = False) -> Settings:
    """The settings of this run; ``demo`` takes the embedded model and the sample database.

    Raises UsageError that names the wrong variable, never its value.
    """
    demo_settings = {
        "llm_base_url": EMBEDDED_MODEL,
        "database_url": SAMPLE_DATABASE,
        "database_reader_url": None,
    }
    try:
        return Settings(**(demo_settings if demo else {}))  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "a setting"
        raise UsageError(
            f"The setting {name} is not usable: {first['msg'][:1].lower()}{first['msg'][1:]}.",
            f"Correct {name} in the environment or in .env.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(
            f"The settings file .env cannot be read: {reason}.", "Correct it; .env.example shows its form."
        ) from None


def session_options(
    settings: Settings,
    *,
    dry_run: bool = False,
    reads_cache: bool = True,
    allow_writes: bool = False,
    consent: Consent | None = None,
) -> SessionOptions:
    """What a front end needs to know of the settings.

    ``reads_cache`` False: what is kept is not used, only replaced. ``consent`` asks the user; without
    it nobody is asked.
    """
    from meta_agent.consent import NobodyToAsk
    from meta_agent.databases.url import READER_SETTING, URL_SETTING
    from meta_agent.llm.answer_store import AnswerStore
    from meta_agent.run_steps import PipelineOptions
    from meta_agent.runs.proven import ProvenQuestions
    from meta_agent.schema_prompt import SchemaOptions
    from meta_agent.session import SessionOptions

    url, reader = _text(settings.database_url), _text(settings.database_reader_url)
    is_sample = url == SAMPLE_DATABASE
    has_reader = reader is not None and not is_sample
    secrets, folder, keeps = settings.secrets, settings.cache_folder, settings.llm_cache
    return SessionOptions(
        model=settings.model_options,
        glossary_path=settings.glossary_path,
        uses_embedded_model=settings.llm_base_url == EMBEDDED_MODEL,
        uses_sample_database=is_sample,
        model_idle_minutes=settings.model_idle_minutes,
        answers=AnswerStore(folder, reads=reads_cache, secrets=secrets) if keeps else None,
        env_file=env_file(),
        pipeline=PipelineOptions(
            runs_dir=settings.runs_dir,
            cache_dir=folder,
            sandbox=settings.sandbox_options,
            database_url=reader if has_reader else url,
            database_setting=READER_SETTING if has_reader else URL_SETTING,
            writing_url=None if is_sample else url,
            allow_writes=allow_writes,
            consent=consent or NobodyToAsk(),
            host=settings.host,
            port=settings.port,
            dry_run=dry_run,
            secrets=secrets,
            warnings=(*settings_warnings(), *reader_warnings(url, reader)),
            log_level=settings.log_level,
            schema=SchemaOptions(values=settings.schema_values, samples=settings.schema_samples),
            proven=ProvenQuestions(folder, reads=reads_cache) if keeps else None,
        ),
    )


def settings_warnings() -> tuple[str, ...]:
    """What the user should know about their settings, one sentence each."""
    path = env_file()
    try:
        readable = path is not None and bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return ()
    return (f"Others on this machine can read {path}: run chmod 600 {path}.",) if readable else ()


def reader_warnings(url: str | None, reader: str | None) -> tuple[str, ...]:
    """What is odd about the two database URLs together, one sentence each."""
    if url is None or reader is None:
        return ()
    if url == SAMPLE_DATABASE:
        return ("DATABASE_READER_URL is not used: DATABASE_URL asks for the sample portfolio.",)
    from meta_agent.databases.reader_url import difference_between

    difference = difference_between(url, reader)
    return (f"DATABASE_READER_URL leads to {difference}.",) if difference else ()


def env_file() -> Path | None:
    """The .env that is read, whether or not it exists."""
    file = Settings.model_config.get("env_file")
    return Path(file) if isinstance(file, str | Path) else None


def _text(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
