"""What executors are sent: small pickles, and files that are written once and mapped."""

from __future__ import annotations

import gc
import pickle
import zipfile

import numpy as np
import pyarrow as pa
import pytest

import cjmining as cj
from cjmining.engine import shared
from cjmining.engine.shared import (
    SharedFolder,
    mapped_array,
    packed,
    packed_each,
    unpacked_at,
    zipped_package,
)

pytest.importorskip("pyspark", reason="PySpark is not installed: pip install 'cjmining[spark]'")


@pytest.fixture
def folder(tmp_path):
    with_it = SharedFolder(tmp_path, lambda: None)
    yield with_it
    with_it.close()
    assert not list(tmp_path.iterdir())


def there_and_back(thing, folder):
    content = packed(thing, folder)
    assert len(content) < 1000
    return pickle.loads(content)  # noqa: S301 -- ours


N = 2 * shared.LARGE
READ_ONLY = np.arange(N)
READ_ONLY.flags.writeable = False
ARRAYS = {
    "whole": np.arange(N),
    "read only": READ_ONLY,
    "with steps": np.arange(2 * N)[::2],
    "by columns": np.asfortranarray(np.arange(N).reshape(-1, 4)),
    "bytes": np.arange(N).astype(np.int8),
    "times": np.arange(N).astype("datetime64[us]"),
    "records": np.zeros(N, [("a", "i4"), ("b", "f8")]),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_large_arrays_are_mapped_as_they_are(kind, folder):
    array = ARRAYS[kind]
    back = there_and_back(array, folder)
    assert type(back) is np.ndarray
    assert back.dtype == array.dtype
    assert back.flags.writeable == array.flags.writeable
    assert back.flags.aligned
    np.testing.assert_array_equal(back, array)
    base = back
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_what_is_written_to_a_mapped_array_stays_in_its_process(folder):
    _, (file, writeable) = folder.reduced(np.arange(N))
    mapped_array(file, writeable)[0] = 7
    assert mapped_array(file, writeable)[0] == 0


def test_equal_arrays_are_one_file_and_others_another(folder):
    packed([np.arange(N), np.arange(N), lambda: READ_ONLY], folder)
    assert len(list(folder.path.iterdir())) == 1
    packed([np.arange(N) + 1, np.arange(N).reshape(2, -1), np.arange(N).astype(np.uint64)], folder)
    assert len(list(folder.path.iterdir())) == 4


WORDS = pa.array(["ad", "shop"] * N).dictionary_encode()
TABLE = pa.table({"number": np.arange(2 * N), "word": WORDS})
TABULAR = {
    "table": TABLE,
    "part of a table": TABLE.slice(5, N),
    "batch": TABLE.to_batches()[0],
    "array": WORDS,
    "part of an array": WORDS[7 : N + 7],
    "several words": pa.chunked_array([WORDS, pa.array(["order"] * N).dictionary_encode()]),
}


@pytest.mark.parametrize("kind", TABULAR)
def test_large_tables_are_mapped_as_they_are(kind, folder):
    thing = TABULAR[kind]
    before = pa.total_allocated_bytes()
    back = there_and_back(thing, folder)
    assert type(back) is type(thing)
    assert back.equals(thing)
    assert pa.total_allocated_bytes() - before < shared.LARGE  # not read into memory
    there_and_back([thing, thing], folder)
    assert len(list(folder.path.iterdir())) == 1


def test_what_is_small_or_holds_objects_goes_along(folder):
    things = [np.arange(10), pa.array(["ad"]), np.full(N, None)]
    back = pickle.loads(packed(things, folder))  # noqa: S301 -- ours
    np.testing.assert_array_equal(back[2], things[2])
    assert folder._path is None


def test_each_block_is_unpacked_by_itself(folder):
    blocks = [(0, 5), {"a": 1}, None]
    content, bounds = packed_each(blocks, folder)
    assert [unpacked_at(content, bounds, number) for number in range(3)] == blocks


def test_files_are_removed_with_their_folder(tmp_path):
    one = SharedFolder(tmp_path, lambda: None)
    packed(np.arange(N), one)
    one.close()
    assert not list(tmp_path.iterdir())
    packed(TABLE, one)  # closed, it begins anew
    assert list(tmp_path.rglob("*.arrows"))
    del one
    gc.collect()
    assert not list(tmp_path.iterdir())


class Conf:
    def get(self, name, default):
        assert name == "spark.master"
        return "spark://elsewhere:7077"


class Elsewhere:
    conf = Conf()


def test_executors_elsewhere_need_a_folder_when_something_is_large(tmp_path):
    engine = cj.engines.Spark(Elsewhere())
    packed([1, 2, 3], engine._folder)
    with pytest.raises(cj.LogError, match=r"name a folder .* shared="):
        packed(np.arange(N), engine._folder)
    with pytest.raises(cj.LogError, match="shared="):
        engine.new_folder()
    with cj.engines.Spark(Elsewhere(), shared=tmp_path) as engine:
        assert there_and_back(np.arange(N), engine._folder).sum() == N * (N - 1) // 2
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(cj.LogError, match="no folder for executors"):
        cj.engines.Spark(Elsewhere(), shared=tmp_path / "file").new_folder()


def test_an_engine_says_how_large_blocks_are(tmp_path):
    path = cj.simulate.shop(60, seed=1).log.write(tmp_path / "shop.log")
    log = cj.read_log(path, memory_limit="1GB")
    there = log.on(cj.engines.Spark(Elsewhere(), block_events=300)).blocks()
    assert len(log.blocks()) == 1
    assert all(block.last_event - block.first_event >= 300 for block in there[:-1])
    assert len(there) == 3
    with pytest.raises(cj.LogError, match="block_events is a whole number of at least 1, not 0"):
        cj.engines.Spark(Elsewhere(), block_events=0)


def test_the_library_is_one_file_with_all_that_it_reads():
    with zipfile.ZipFile(zipped_package()) as archive:
        names = set(archive.namelist())
    assert {
        "cjmining/__init__.py",
        "cjmining/kernels/_jit.py",
        "cjmining/simulate/texts/intended.yaml",
    } <= names
    assert not [name for name in names if "__pycache__" in name]
