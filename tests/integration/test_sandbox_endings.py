"""How scripts end badly, and what the tool says then."""

from __future__ import annotations

from pathlib import Path

import pytest
from sandbox_support import Sandbox, left_behind

from meta_agent.executors.container_executor import SandboxOptions

pytestmark = pytest.mark.docker

SHORT = SandboxOptions(time_limit_seconds=3.5)


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        """
        import signal, subprocess, sys
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        child.wait()
        """,
        """
        import os, time
        os.close(1)
        os.close(2)
        time.sleep(300)
        """,
    ],
    ids=["loop", "ignores signals", "silent"],
)
def test_a_script_that_hangs_is_stopped(source: str, tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run("print('begun')\n" + source.replace("\n        ", "\n"), options=SHORT)
    assert (result.status, result.exit_code, result.output) == ("timeout", None, "begun\n")
    assert "The script was stopped after 3.5 seconds." in result.warnings
    assert result.seconds < 30
    assert left_behind() == []


def test_results_written_before_the_limit_are_kept(tmp_path: Path) -> None:
    source = "open('/app/results/half.csv', 'w').write('a')\nwhile True: pass"
    assert Sandbox(tmp_path).run(source, options=SHORT).files == ("results/half.csv",)


def test_children_in_the_background_end_with_the_script(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run(
        """
        import subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        print("done")
        """
    )
    assert (result.status, result.output) == ("ok", "done\n")
    assert result.seconds < 60


def test_out_of_memory(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run("x = bytearray(400 << 20)", memory_mb=64)
    assert result.status == "out_of_memory"
    assert "The script ran out of its 64 MB of memory." in result.warnings


def test_a_child_that_runs_out_of_memory_is_noticed_though_the_script_ends_well(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run(
        """
        import subprocess, sys
        subprocess.run([sys.executable, "-c", "x = bytearray(400 << 20)"])
        """,
        memory_mb=64,
    )
    assert (result.status, result.exit_code) == ("out_of_memory", 0)


def test_the_exit_code_is_the_scripts_own_and_stderr_is_no_failure(tmp_path: Path) -> None:
    failed = Sandbox(tmp_path).run("import sys; sys.exit(3)")
    assert (failed.status, failed.exit_code) == ("failed", 3)
    loud = Sandbox(tmp_path).run("import sys; print('ERROR: fatal', file=sys.stderr)")
    assert (loud.status, loud.error_output) == ("ok", "ERROR: fatal\n")


def test_a_syntax_error_is_the_scripts_failure(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run("def broken(:")
    assert result.status == "failed"
    assert "SyntaxError" in result.error_output


def test_a_flood_is_cut_and_what_follows_on_the_other_stream_is_seen(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run(
        """
        import sys
        for _ in range(300):
            sys.stdout.write("0123456789abcde\\n" * 4096)
        sys.stdout.flush()
        raise RuntimeError("after the flood")
        """,
        options=SandboxOptions(log_limit_bytes=100_000),
    )
    assert len(result.output) == 100_000
    assert "after the flood" in result.error_output
    dropped = 300 * 65_536 - 100_000
    assert f"The script printed too much: {dropped} bytes of its output were dropped." in result.warnings


def test_one_line_of_fifty_megabytes(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run("print('x' * 50_000_000)", memory_mb=256)
    assert (result.status, len(result.output)) == ("ok", 1024 * 1024)


def test_terminal_sequences_and_broken_text_are_shown_harmless(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    result = sandbox.run(r"import os; os.write(1, b'\x1b]0;owned\x07 \xff\xfe caf\xc3\xa9\r\n')")
    assert result.output == "\\x1b]0;owned\\x07 \ufffd\ufffd café\n"
    assert sandbox.shown == ["\\x1b]0;owned\\x07 \ufffd\ufffd café"]


def test_results_that_are_too_large_are_left_out(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run(
        """
        for number in range(20):
            open(f"/app/results/{number:02}", "w").write("x")
        """,
        options=SandboxOptions(result_limit_files=10),
    )
    assert len(result.files) == 10
    assert "there are too many files" in " ".join(result.warnings)


def test_a_result_that_is_no_json_is_a_warning(tmp_path: Path) -> None:
    result = Sandbox(tmp_path).run("open('/app/results/result.json', 'w').write('{')")
    assert (result.status, result.result) == ("ok", None)
    assert "results/result.json could not be read" in " ".join(result.warnings)
