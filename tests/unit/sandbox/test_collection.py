from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from meta_agent.errors import SandboxError
from meta_agent.sandbox.collection import Collected, collect, remove_collected


def file(name: str, content: bytes = b"x", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.uid = len(content), mode, 10001
    return entry, content


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry, b""


def stream(*entries: tuple[tarfile.TarInfo, bytes]) -> Iterator[bytes]:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for entry, content in entries:
            archive.addfile(entry, io.BytesIO(content))
    whole = packed.getvalue()
    return (whole[start : start + 700] for start in range(0, len(whole), 700))


def collected(run_dir: Path, *entries: tuple[tarfile.TarInfo, bytes], size: int = 9999) -> Collected:
    return collect(stream(*entries), run_dir, limit_bytes=size, limit_files=5)


def test_ordinary_files_are_taken(tmp_path: Path) -> None:
    found = collected(
        tmp_path,
        special("output/results", tarfile.DIRTYPE),
        file("output/results/result.json", b"{}" * 2000),
        file("output/exports/data/näme 1.csv", b"a,b"),
    )
    assert found.files == ["results/result.json", "exports/data/näme 1.csv"]
    assert found.refused == []
    assert (tmp_path / "results/result.json").read_bytes() == b"{}" * 2000


def test_modes_and_owners_of_the_archive_are_not_kept(tmp_path: Path) -> None:
    collected(tmp_path, file("output/results/tool", mode=0o6777))
    assert (tmp_path / "results/tool").stat().st_mode & 0o7777 == 0o666


@pytest.mark.parametrize(
    "entry",
    [
        special("output/results/link", tarfile.SYMTYPE, "/etc/passwd"),
        special("output/results/hard", tarfile.LNKTYPE, "output/results/a"),
        special("output/results/pipe", tarfile.FIFOTYPE),
        special("output/results/device", tarfile.CHRTYPE),
        file("output/results/../../../escaped"),
        file("/output/results/absolute"),
        file("output/results//double"),
        file("output/script.py"),
        file("output/other/file"),
        file("results"),
        file("output/results/" + "d/" * 9 + "deep"),
        file("output/results/two\nlines"),
        file("output/results/\x1b[2J"),
        file("output/results/back\\slash"),
        file("output/results/right\u202eleft"),
        file("output/results/\udcff"),
        file("output/results/" + "n" * 201),
        file("output/results/.git/config"),
        file("output/results/.envrc"),
        file("output/results/-rf"),
        file("output/results/~root"),
        file("output/results/ first"),
        file("output/results/last "),
        file("output/results/dot."),
        file("output/results/no\u00a0break"),
        file("output/results/good\u3164"),
        file("output/results/line\u2028end"),
    ],
    ids=lambda entry: ascii(entry[0].name)[:40],
)
def test_everything_else_is_left_out(entry: tuple[tarfile.TarInfo, bytes], tmp_path: Path) -> None:
    found = collected(tmp_path, entry, file("output/results/good"))
    assert found.files == ["results/good"]
    assert len(found.refused) == 1
    assert found.warnings()[0].isprintable()
    assert [path.name for path in tmp_path.rglob("*") if not path.is_dir()] == ["good"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("results/Rows.csv", "results/rows.csv"),
        ("results/caf\u00e9", "results/cafe\u0301"),
        ("results/stra\u00dfe", "results/STRASSE"),
        ("results/\ufb01t", "results/fit"),
        ("exports/A/x", "exports/a/y"),
        ("exports/A", "exports/a/y"),
        ("exports/A/x", "exports/a"),
    ],
    ids=ascii,
)
def test_names_that_macos_takes_for_one_do_not_overwrite_each_other(
    first: str, second: str, tmp_path: Path
) -> None:
    found = collected(tmp_path, file(f"output/{first}", b"1"), file(f"output/{second}", b"2"))
    assert (found.files, len(found.refused)) == ([first], 1)
    assert "some systems take it for" in found.refused[0]
    assert (tmp_path / first).read_bytes() == b"1"


def test_a_file_where_the_run_has_a_folder_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "exports" / "reports").mkdir(parents=True)
    found = collected(tmp_path, file("output/exports/reports"), file("output/results/good"))
    assert found.files == ["results/good"]
    assert found.refused == ["'exports/reports', there is a folder of that name"]


def test_the_answer_is_taken_though_too_many_files_come_before_it(tmp_path: Path) -> None:
    before = (file(f"output/exports/{n}") for n in range(9))
    found = collected(tmp_path, *before, file("output/results/result.json"), file("output/results/z"))
    assert found.files == [*(f"exports/{n}" for n in range(5)), "results/result.json"]
    assert len(found.refused) == 5


def test_too_many_files(tmp_path: Path) -> None:
    found = collected(tmp_path, *(file(f"output/results/{n}") for n in range(9)))
    assert len(found.files) == 5
    assert "there are too many files" in found.warnings()[0]


def test_too_large_together(tmp_path: Path) -> None:
    found = collected(tmp_path, *(file(f"output/results/{n}", b"x" * 40) for n in range(3)), size=100)
    assert found.files == ["results/0", "results/1"]
    assert found.refused == ["everything from 'results/2' on, the files are too large"]


def test_the_rest_of_a_stream_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        header, _ = file("output/results/hole")
        header.size = 10**12
        yield header.tobuf()
        raise AssertionError("read past the limit")

    assert collect(endless(), tmp_path, limit_bytes=1000, limit_files=5).files == []


def test_links_in_the_run_folder_are_not_followed(tmp_path: Path) -> None:
    run_dir, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    run_dir.mkdir()
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    (run_dir / "results").mkdir()
    (run_dir / "results" / "file").symlink_to(elsewhere / "kept")
    (run_dir / "logs").symlink_to(elsewhere)
    collected(run_dir, file("output/results/file", b"new"))
    with pytest.raises(SandboxError):
        collected(run_dir, file("output/logs/kept", b"new"))
    assert (elsewhere / "kept").read_text() == "kept"
    assert (run_dir / "results" / "file").read_bytes() == b"new"


def test_a_broken_archive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SandboxError):
        collect(iter([b"no archive" * 100]), tmp_path, limit_bytes=1000, limit_files=5)


def test_many_refusals_are_summed_up() -> None:
    assert Collected(refused=["no"] * 9).warnings()[-1] == "Not collected: 4 more."


def test_files_of_an_earlier_script_are_removed(tmp_path: Path) -> None:
    found = collected(tmp_path, file("output/results/a"), file("output/logs/b"))
    remove_collected(tmp_path, [*found.files, "results/never-there"])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
