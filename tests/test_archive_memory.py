"""Large archives are never held twice: while they grow, while they are saved, while their digest is taken."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archives import GridArchive, NoveltyArchive
from archives.table import Table
from qd.codec import decode, encode, encode_parts
from qd.contracts import Problem
from qd.store import digest
from qd.store.archive_file import read_archives, write_archives
from qd.store.checkpoint import read_checkpoint, write_checkpoint
from qd.store.recorder import Recorder

pytestmark = pytest.mark.thorough

GENES, ELITES = 10_000, 1000
GENES_MB = 4e-6 * GENES * ELITES  # 40 MB of float32


def filled(elites: int, kind: str = "grid") -> Any:
    rng = np.random.default_rng(0)
    settings: dict[str, Any] = {"solution_dim": GENES, "solution_dtype": np.float32}
    archive: Any
    if kind == "grid":
        archive = GridArchive(dims=[300, 300], ranges=[(0, 1), (0, 1)], **settings)
    else:
        archive = NoveltyArchive(measure_dim=2, **settings)
    row = np.arange(GENES, dtype=np.float32)
    while len(archive) < elites:
        n = min(50, elites - len(archive))
        first = len(archive)
        archive.add(row + np.arange(first, first + n, dtype=np.float32)[:, None], rng.random(n), rng.random((n, 2)))
    return archive


def peak_mb(work: Callable[[], object]) -> float:
    """Most memory that Python and numpy held at once while it ran, above what they held before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["grid", "novelty"])
def test_filling_never_holds_the_solutions_twice(kind: str) -> None:
    filled(ELITES, kind)  # every kernel, of small and of large archives, is compiled outside the measurement
    assert peak_mb(lambda: filled(ELITES, kind)) < 1.4 * GENES_MB


class Nothing(Problem):
    def evaluate(self, request: Any, seeds: Any) -> Any:
        raise NotImplementedError


def test_saving_and_hashing_do_not_copy_the_archive(tmp_path: Path) -> None:
    archive = filled(ELITES)
    for work in (
        lambda: write_checkpoint(tmp_path, 1, {"archive": archive}, False),
        lambda: write_archives(tmp_path / "archive.npz", {"elites": archive}, Recorder(Nothing()), {}),
        lambda: digest.final(digest.START, {"elites": archive}),
    ):
        assert peak_mb(work) < 0.6 * GENES_MB
    back = read_checkpoint(tmp_path / "00000001-clean.qdc")["archive"]
    assert back.column("solution").tobytes() == archive.column("solution").tobytes()
    stored = read_archives(tmp_path / "archive.npz")["elites"]
    assert stored.fields["solution"].tobytes() == archive.column("solution").tobytes()
    assert list(stored.fields) == archive.field_list


def test_a_table_that_grows_keeps_its_rows_and_the_views_that_are_held() -> None:
    table = Table({"x": ((3,), np.dtype(np.float32)), "label": ((), np.dtype("U4")), "n": ((), np.dtype(np.int64))}, 2)
    wanted = np.arange(30, dtype=np.float32).reshape(10, 3)
    held = None
    for i in range(10):
        table.reserve(i + 1)
        row = {"x": wanted[i : i + 1].copy(), "label": np.array([f"r{i}"]), "n": np.array([i])}
        table.write(row, np.array([0]), np.array([i]))
        table.size += 1
        if i == 3:
            held = table.filled("x")
    assert list(table.columns) == ["x", "label", "n"]
    assert np.array_equal(table.filled("x"), wanted)
    assert table.filled("label").tolist() == [f"r{i}" for i in range(10)]
    assert held is not None and np.array_equal(held, wanted[:4])
    held[:] = -1  # no longer the table's own memory
    assert np.array_equal(table.filled("x"), wanted)


def test_room_grows_to_the_double_while_small_and_by_a_quarter_when_large() -> None:
    table = Table({"x": ((1000,), np.dtype(np.float64))}, 100)
    rooms = [table.capacity]
    for _ in range(6):
        table.reserve(table.capacity + 1)
        rooms.append(table.capacity)
    assert rooms[:6] == [100, 200, 400, 800, 1600, 3200]  # 8 KB a row: 2097 rows are LARGE
    assert rooms[6] == 4000
    table.reserve(9000)
    assert table.capacity == 9000


def test_a_state_of_views_is_one_of_copies_until_the_archive_changes() -> None:
    archive = GridArchive(solution_dim=2, dims=[4, 4], ranges=[(0, 1), (0, 1)])
    archive.add([[1.0, 2.0]], [3.0], [[0.5, 0.5]])
    views, copies = archive.to_state(copy=False), archive.to_state()
    assert np.shares_memory(views["columns"]["solution"], archive.column("solution"))
    assert not np.shares_memory(copies["columns"]["solution"], archive.column("solution"))
    assert encode({"a": views}) == encode({"a": copies}) == b"".join(encode_parts({"a": copies}))
    back = decode(encode({"a": archive}))["a"]
    archive.add([[7.0, 8.0]], [9.0], [[0.5, 0.5]])
    assert back.column("solution").tolist() == [[1.0, 2.0]]
    assert copies["columns"]["solution"].tolist() == [[1.0, 2.0]]


def test_a_digest_taken_in_pieces_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = filled(20)
    whole = digest.final(digest.START, {"a": archive})
    monkeypatch.setattr(digest, "_PIECE", 3 * 4 * GENES)
    assert digest.final(digest.START, {"a": archive}) == whole
