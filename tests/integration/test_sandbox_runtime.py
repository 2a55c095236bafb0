"""SANDBOX_RUNTIME: the runtime that the script's container runs under, in the sandbox and in the package."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest
from sandbox_support import Sandbox, left_behind

from meta_agent.errors import SandboxError
from meta_agent.executors.container_executor import SandboxOptions
from meta_agent.sandbox.owner import OWNER_LABEL, Owner

pytestmark = pytest.mark.docker


def test_the_script_runs_under_the_runtime_that_was_named(tmp_path: Path) -> None:
    client, seen = docker.from_env(), []

    def look(text: str) -> None:
        own = {"label": f"{OWNER_LABEL}={Owner.current().label()}", "name": "-script"}
        seen.extend(one.attrs["HostConfig"]["Runtime"] for one in client.containers.list(filters=own))

    other = "io.containerd.runc.v2" if "io.containerd.runc.v2" in client.info()["Runtimes"] else "runc"
    source = "import time\nprint('now', flush=True)\ntime.sleep(1)"
    result = Sandbox(tmp_path).run(source, options=SandboxOptions(runtime=other), on_output=look)
    client.close()
    assert result.status == "ok", result.error_output
    assert seen == [other]


def test_a_runtime_that_the_engine_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"has no runtime called nothing-such; it has .*runc") as caught:
        Sandbox(tmp_path).run("print(1)", options=SandboxOptions(runtime="nothing-such"))
    assert "SANDBOX_RUNTIME" in caught.value.remedy
    assert left_behind() == []
