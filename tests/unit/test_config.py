"""Settings from the environment and from .env files as people really write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import PROJECT_DIR, Settings, load_settings, session_options, settings_warnings
from meta_agent.errors import ExitCode, UsageError

CANARY = "canary-7f3a"


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / ".env"
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    return file


def database_url() -> str | None:
    url = load_settings().database_url
    return url.get_secret_value() if url else None


def test_the_real_file_is_the_one_beside_the_program() -> None:
    source = (PROJECT_DIR / "config.py").read_text(encoding="utf-8")
    assert 'env_file=PROJECT_DIR / ".env"' in source


def test_without_any_setting_there_are_defaults(env_file: Path) -> None:
    settings = load_settings()
    assert settings.database_url is None
    assert settings.llm_base_url == "http://localhost:1234/v1"
    assert settings.llm_model_name == "qwen2.5-coder-7b-instruct-mlx"
    assert settings.runs_dir == PROJECT_DIR / "generated_scripts"
    assert settings_warnings() == ()


@pytest.mark.parametrize(
    "content",
    [
        b"DATABASE_URL=postgresql://u:pa#ss@h/d\r\nPORT=9000\r\n",
        b"\xef\xbb\xbfDATABASE_URL=postgresql://u:pa#ss@h/d\nPORT=9000",
        b"DATABASE_URL='postgresql://u:pa#ss@h/d'\nexport PORT=\"9000\"\n",
        b'# mine\n\nDATABASE_URL = "postgresql://u:pa#ss@h/d"  # the test server\nPORT=9000 # free\n',
    ],
    ids=["windows", "bom", "quotes", "blanks and comments"],
)
def test_env_files_as_people_write_them(env_file: Path, content: bytes) -> None:
    env_file.write_bytes(content)
    assert database_url() == "postgresql://u:pa#ss@h/d"
    assert load_settings().port == 9000


@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_what_looks_like_a_variable_in_a_password_is_none(
    env_file: Path, monkeypatch: pytest.MonkeyPatch, quote: str
) -> None:
    monkeypatch.setenv("HOME", "/expanded")
    env_file.write_text(f"DATABASE_URL={quote}postgresql://u:a${{HOME}}$HOME${{x:-y}}@h/d{quote}\n")
    assert database_url() == "postgresql://u:a${HOME}$HOME${x:-y}@h/d"


def test_a_half_filled_file_counts_as_not_set(env_file: Path) -> None:
    env_file.write_text("DATABASE_URL=\nLLM_MODEL_NAME=\nPORT\nLLM_TIMEOUT=''\n")
    assert database_url() is None
    assert load_settings().llm_model_name == "qwen2.5-coder-7b-instruct-mlx"
    assert load_settings().port == 8080


def test_the_example_file_is_usable_as_it_is(env_file: Path) -> None:
    env_file.write_bytes((PROJECT_DIR / ".env.example").read_bytes())
    assert load_settings() == Settings(_env_file=None)  # type: ignore[call-arg]


def test_the_defaults_named_in_the_example_file_are_the_real_ones(env_file: Path) -> None:
    lines = (PROJECT_DIR / ".env.example").read_text(encoding="utf-8").splitlines()
    named = [line.removeprefix("# ") for line in lines if line.startswith("# ") and "=" in line.split()[1]]
    kept = [
        line
        for line in named
        if not line.startswith(("DATABASE_URL", "LLM_BASE_URL=embedded", "XDG", "META"))
    ]
    env_file.write_text("\n".join(kept).replace("=generated_scripts", f"={PROJECT_DIR}/generated_scripts"))
    env_file.write_text(env_file.read_text().replace("=glossary.yaml", f"={PROJECT_DIR}/glossary.yaml"))
    assert len(kept) > 12
    assert load_settings() == Settings(_env_file=None)  # type: ignore[call-arg]


def test_the_environment_wins(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file.write_text("PORT=9000\nLLM_MODEL_NAME=a\n")
    monkeypatch.setenv("PORT", "9001")
    assert load_settings().port == 9001
    assert load_settings().llm_model_name == "a"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", CANARY),
        ("PORT", "70000"),
        ("LLM_TEMPERATURE", "3"),
        ("LLM_MAX_TOKENS", "12"),
        ("LOG_LEVEL", CANARY),
        ("SCRIPT_TIMEOUT", "0"),
        ("BASE_IMAGE", f"{CANARY}; rm -rf /"),
        ("SANDBOX_RUNTIME", f"{CANARY} --privileged"),
    ],
)
def test_a_wrong_value_is_named_and_not_repeated(
    env_file: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        load_settings()
    assert caught.value.exit_code == ExitCode.USAGE
    assert name in caught.value.cause and name in caught.value.remedy
    assert CANARY not in caught.value.cause + caught.value.remedy
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("level", ["debug", "Debug", "DEBUG"])
def test_the_log_level_is_taken_in_any_case(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    assert load_settings().log_level == "DEBUG"


def test_a_file_that_is_no_text_is_said_to_be_none(env_file: Path) -> None:
    env_file.write_bytes(b"DATABASE_URL=\xff\xfe\n")
    with pytest.raises(UsageError, match=r"\.env cannot be read: it is not UTF-8 text"):
        load_settings()


def test_the_demo_takes_its_own_model_and_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@h/d")
    settings = load_settings(demo=True)
    assert settings.llm_base_url == "embedded"
    assert settings.database_url is not None and settings.database_url.get_secret_value() == "sample"


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{CANARY}@h/d")
    monkeypatch.setenv("LLM_API_KEY", CANARY)
    assert CANARY not in repr(load_settings()) + str(load_settings())


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_that_others_can_read_gives_a_warning(mode: int, env_file: Path) -> None:
    env_file.write_text("PORT=9000\n")
    env_file.chmod(0o600)
    assert settings_warnings() == ()
    env_file.chmod(mode)
    assert settings_warnings() == (f"Others on this machine can read {env_file}: run chmod 600 {env_file}.",)


def test_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNS_DIR", "runs")
    monkeypatch.setenv("META_AGENT_CACHE", "~/kept")
    settings = load_settings()
    assert settings.runs_dir == tmp_path / "runs"
    assert settings.cache_folder == Path.home() / "kept"


def test_the_cache_folder_follows_the_usual_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load_settings().cache_folder == Path.home() / ".cache" / "meta-agent"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert load_settings().cache_folder == tmp_path / "meta-agent"


OWNER, READER = "postgresql://owner:0wner-secret@h/d", "postgresql://reader:r3ader-secret@h/d"


def test_with_a_reader_everything_reads_through_it(env_file: Path) -> None:
    env_file.write_text(f"DATABASE_URL={OWNER}\nDATABASE_READER_URL={READER}\n")
    options = session_options(load_settings())
    pipeline = options.pipeline
    assert (pipeline.database_url, pipeline.database_setting) == (READER, "DATABASE_READER_URL")
    assert pipeline.writing_url == OWNER and not pipeline.allow_writes
    assert {"0wner-secret", "r3ader-secret"} <= set(pipeline.secrets)
    assert pipeline.warnings == settings_warnings()
    assert options.env_file == env_file


def test_without_a_reader_the_one_url_does_both(env_file: Path) -> None:
    env_file.write_text(f"DATABASE_URL={OWNER}\n")
    pipeline = session_options(load_settings()).pipeline
    assert (pipeline.database_url, pipeline.writing_url) == (OWNER, OWNER)
    assert (pipeline.database_setting, "--create-reader" in pipeline.read_only_remedy) == (
        "DATABASE_URL",
        True,
    )


def test_a_reader_alone_can_change_nothing(env_file: Path) -> None:
    env_file.write_text(f"DATABASE_READER_URL={READER}\n")
    pipeline = session_options(load_settings()).pipeline
    assert (pipeline.database_url, pipeline.writing_url) == (READER, None)


def test_the_demo_keeps_to_its_own_reader(env_file: Path) -> None:
    env_file.write_text(f"DATABASE_URL={OWNER}\nDATABASE_READER_URL={READER}\n")
    options = session_options(load_settings(demo=True))
    assert options.uses_sample_database
    assert (options.pipeline.database_url, options.pipeline.writing_url) == ("sample", None)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (OWNER, None),
        ("postgresql://owner:x@h/other", "leads to d at h:5432, and DATABASE_URL to other at h:5432"),
        ("sample", "is not used"),
    ],
)
def test_a_reader_of_another_database_is_noticed(env_file: Path, url: str, told: str | None) -> None:
    env_file.write_text(f"DATABASE_URL={url}\nDATABASE_READER_URL={READER}\n")
    env_file.chmod(0o600)
    warnings = session_options(load_settings()).pipeline.warnings
    assert [told in warning for warning in warnings if told] == ([True] if told else [])
    assert len(warnings) == (1 if told else 0)


@pytest.mark.parametrize(
    ("content", "values", "samples"),
    [("", True, 0), ("SCHEMA_VALUES=false\nSCHEMA_SAMPLES=5\n", False, 5), ("SCHEMA_VALUES=no", False, 0)],
)
def test_what_may_be_told_of_the_rows(env_file: Path, content: str, values: bool, samples: int) -> None:
    env_file.write_text(content)
    told = session_options(load_settings()).pipeline.told
    assert (told.values, told.samples, told.facts) == (values, samples, True)


@pytest.mark.parametrize("content", ["SCHEMA_VALUES=perhaps", "SCHEMA_SAMPLES=6", "SCHEMA_SAMPLES=-1"])
def test_what_may_be_told_is_never_guessed(env_file: Path, content: str) -> None:
    env_file.write_text(content)
    with pytest.raises(UsageError, match=content.partition("=")[0]):
        load_settings()
