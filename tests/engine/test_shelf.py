"""What is put on a shelf comes back, from memory and from files, whoever put it; files go with the shelf."""

import gc
import pickle
from pathlib import Path

import numpy as np
import pytest

from cjmining.engine.shelf import Shelf, take
from cjmining.errors import LogError
from cjmining.shipping import shipping

GIVEN = (np.arange(5), "word", np.array([True, False]), np.zeros(0), None, np.eye(3)[:2], np.zeros((0, 2)))


def same(taken: tuple) -> None:
    assert [type(each) for each in taken] == [type(each) for each in GIVEN]
    for mine, theirs in zip(taken, GIVEN, strict=True):
        if isinstance(mine, np.ndarray):
            assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape)
            assert mine.tolist() == theirs.tolist()
        else:
            assert mine == theirs


@pytest.mark.parametrize("in_files", [False, True])
def test_what_lies_on_a_shelf_comes_back(in_files: bool, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path if in_files else None)
    aside = []
    for _ in range(2):
        with shelf.lot() as put:
            aside += [put(GIVEN), put(GIVEN[:1]), put(GIVEN)]
    for one in (*aside[::3], *aside[2::3]):
        same(take(one))
    assert take(aside[1])[0].tolist() == [0, 1, 2, 3, 4]
    assert len(list(tmp_path.iterdir())) == 2 * in_files


def test_executors_put_into_the_same_folder_which_is_not_theirs(tmp_path: Path) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir()
    shelf = Shelf(folder)
    with shipping():
        sent = pickle.dumps(shelf)
    theirs = pickle.loads(sent)  # noqa: S301 -- our own
    with theirs.lot() as put:
        aside = pickle.loads(pickle.dumps(put(GIVEN)))  # noqa: S301 -- our own
    del theirs
    gc.collect()
    same(take(aside))
    del shelf
    gc.collect()
    assert not folder.exists()
    with pytest.raises(LogError, match=r"isn't in .*shelf any more"):
        take(aside)


def test_no_room_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(LogError, match=r"can't be written to .*absent: .* TMPDIR"),
        Shelf(tmp_path / "absent").lot() as put,
    ):
        put(GIVEN)
