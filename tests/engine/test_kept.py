"""Columns kept by block are the same in memory and in files, whoever puts them and in whatever order."""

import gc
import pickle
import shutil
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.blocks import Block
from cjmining.engine.kept import Kept, KeptInFiles, KeptInMemory
from cjmining.errors import LogError
from cjmining.shipping import shipping
from tests.examples import examples

COLUMNS = {"code": np.int8, "at": np.int64}


def fill(kept: Kept, sizes: list[int], order: list[int]) -> np.ndarray:
    """Put blocks of so many journeys in an order; return what a column should be."""
    ends = np.cumsum([0, *sizes])
    for number in order:
        first, last = int(ends[number]), int(ends[number + 1])
        values = np.arange(first, last)
        kept.put(Block(first, last, 0, 0), {"code": values % 5, "at": values * 10**12})
    return np.arange(ends[-1])


@given(st.lists(st.integers(1, 5), max_size=6), st.randoms())
@examples(20)
def test_columns_are_whole_and_in_order(sizes: list[int], random) -> None:
    order = list(range(len(sizes)))
    random.shuffle(order)
    for kept in (KeptInMemory(COLUMNS), KeptInFiles(COLUMNS, Path(tempfile.mkdtemp()))):
        numbers = fill(kept, sizes, order)
        for name, expected in {"code": numbers % 5, "at": numbers * 10**12}.items():
            found = kept.column(name)
            assert found.dtype == COLUMNS[name]
            assert found.tolist() == expected.tolist()
        pairs = [piece for piece in kept.pieces("at", "code") if len(piece[0])]
        assert [code for _, codes in pairs for code in codes.tolist()] == (numbers % 5).tolist()


def test_a_block_that_is_worked_on_again_is_kept_once(tmp_path: Path) -> None:
    kept = KeptInFiles(COLUMNS, tmp_path)
    fill(kept, [3, 2], [0, 1, 0])
    assert kept.column("at").tolist() == [0, 10**12, 2 * 10**12, 3 * 10**12, 4 * 10**12]
    assert len(list(tmp_path.iterdir())) == 2


def test_the_folder_goes_with_the_last_who_has_it(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    kept = KeptInFiles(COLUMNS, folder)
    fill(kept, [4], [0])
    with shipping():
        executors = pickle.loads(pickle.dumps(kept))  # noqa: S301 -- our own
    fill(executors, [4, 3], [1])
    del executors
    gc.collect()
    assert len(kept.column("code")) == 7
    again = pickle.loads(pickle.dumps(kept))  # noqa: S301 -- our own
    del kept
    gc.collect()
    assert not folder.exists()
    assert again.column("at").tolist() == [number * 10**12 for number in range(7)]


@pytest.mark.parametrize("kind", [KeptInMemory, KeptInFiles])
def test_nothing_is_kept_of_nothing(kind: type[Kept], tmp_path: Path) -> None:
    kept = kind(COLUMNS) if kind is KeptInMemory else kind(COLUMNS, tmp_path)
    assert kept.column("code").dtype == np.int8
    assert not len(kept.column("code"))


def test_several_threads_may_ask_for_a_column_first(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptInMemory(COLUMNS)
    fill(kept, [2, 3], [0, 1])
    begun, joins = threading.Event(), []

    def slowly(parts: list[np.ndarray]) -> np.ndarray:
        joins.append(parts)
        begun.wait(0.2)  # until another thread has asked as well
        return np.hstack(parts)

    monkeypatch.setattr("cjmining.engine.kept.np.concatenate", slowly)
    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda: found.append(kept.column("code").tolist())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[0, 1, 2, 3, 4]] * 2
    assert len(joins) == 1


def test_what_is_not_there_any_more_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    kept = KeptInFiles(COLUMNS, folder, blocks=2)
    fill(kept, [4, 3], [0, 1])
    assert len(kept.column("at")) == 7
    next(folder.iterdir()).unlink()
    for _ in range(2):
        with pytest.raises(LogError, match=r"isn't in .*kept any more: temporary files were cleared.*Check"):
            kept.column("at")
        shutil.rmtree(folder, ignore_errors=True)


def test_no_room_is_told(tmp_path: Path) -> None:
    kept = KeptInFiles(COLUMNS, tmp_path / "absent")
    with pytest.raises(LogError, match=r"can't be written to .*absent: .* TMPDIR"):
        fill(kept, [1], [0])


def test_a_forked_process_removes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptInFiles(COLUMNS, tmp_path)
    fill(kept, [4], [0])
    monkeypatch.setattr("cjmining.engine.shared.os.getpid", lambda: -1)
    del kept
    gc.collect()
    assert len(list(tmp_path.iterdir())) == 1
