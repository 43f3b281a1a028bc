import pickle

import dask.array
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import zarr

from skgal.utils import _pool, as_pool, gives_blocks, row_blocks, take_rows

X = np.random.RandomState(0).normal(size=(23, 4)).astype(np.float32)
POSITIONS = np.array([0, 3, 4, 5, 11, 12, 22])


class Files:
    """Blocks that are read anew each time."""

    def __init__(self, X, n_rows=6):
        self.X, self.n_rows, self.n_read = X, n_rows, 0

    def __iter__(self):
        for start in range(0, len(self.X), self.n_rows):
            self.n_read += 1
            yield self.X[start : start + self.n_rows]


class FilesOfKnownShape(Files):
    @property
    def shape(self):
        return self.X.shape


def memory_mapped(X):
    return np.ndarray.view(np.array(X), np.memmap)


def in_zarr(X):
    array = zarr.create_array({}, shape=X.shape, chunks=(5, *X.shape[1:]), dtype=X.dtype)
    array[:] = X
    return array


def in_dask(X):
    return dask.array.from_array(X, chunks=(7, 2, *X.shape[2:]))


CONTAINERS = {
    "array": np.asarray,
    "memmap": memory_mapped,
    "zarr": in_zarr,
    "dask": in_dask,
    "csr": scipy.sparse.csr_matrix,
    "csc": scipy.sparse.csc_array,
    "pandas": lambda X: pd.DataFrame(X, columns=list("abcd")),
    "polars": lambda X: pl.DataFrame(X, schema=list("abcd")),
    "arrow": lambda X: pa.table(dict(zip("abcd", X.T, strict=True))),
    "list of arrays": lambda X: [X[:9], X[9:10], X[10:10], X[10:]],
    "list of csr": lambda X: [scipy.sparse.csr_matrix(X[:9]), scipy.sparse.csr_matrix(X[9:])],
    "tuple of frames": lambda X: (pd.DataFrame(X[:9]), pd.DataFrame(X[9:])),
    "iterable": Files,
    "iterable of known shape": FilesOfKnownShape,
    "rows": lambda X: X.tolist(),
}


@pytest.fixture(params=CONTAINERS)
def pool(request):
    return as_pool(CONTAINERS[request.param](X))


def dense(block):
    return block.toarray() if scipy.sparse.issparse(block) else np.asarray(block)


def n_bytes(block):
    return dense(block).nbytes


def test_shape(pool):
    assert pool.shape == (23, 4)
    assert pool.sample_shape == (4,)
    assert len(pool) == pool.n_samples == 23
    assert as_pool(pool) is pool


@pytest.mark.parametrize("block_bytes", [1, 3 * X[0].nbytes, 2**20])
@pytest.mark.parametrize("positions", [None, POSITIONS, np.arange(23)], ids=["all", "some", "each"])
def test_blocks_are_the_rows_in_order(pool, positions, block_bytes, monkeypatch):
    monkeypatch.setattr(_pool, "BLOCK_BYTES", block_bytes)
    expected = X if positions is None else X[positions]
    blocks = list(pool.blocks(positions))
    assert min(block.shape[0] for block in blocks) >= 1
    np.testing.assert_allclose(np.concatenate([dense(block) for block in blocks]), expected)
    assert list(pool.map(n_bytes, positions)) == [n_bytes(block) for block in blocks]


@pytest.mark.parametrize("indices", [[5], [22, 0, 7, 7, 12], []])
def test_take_keeps_the_order_asked_for(pool, indices):
    taken = dense(pool.take(indices))
    np.testing.assert_allclose(taken, X[indices] if indices else X[:0])


@pytest.mark.parametrize("name", ["zarr", "dask", "list of arrays", "iterable", "csr", "array"])
def test_take_rows_of_any_pool(name):
    container = CONTAINERS[name](X)
    np.testing.assert_array_equal(dense(take_rows(container, [4, 1])), X[[4, 1]])
    mask = np.isin(np.arange(23), POSITIONS)
    np.testing.assert_array_equal(dense(take_rows(container, mask)), X[POSITIONS])


@pytest.mark.parametrize("name", ["array", "zarr", "dask", "list of arrays", "iterable"])
def test_images(name):
    images = np.arange(8 * 2 * 3 * 3, dtype=np.uint8).reshape(8, 2, 3, 3)
    pool = as_pool(CONTAINERS[name](images))
    assert pool.shape == (8, 2, 3, 3)
    np.testing.assert_array_equal(pool.take([6, 2]), images[[6, 2]])
    np.testing.assert_array_equal(np.concatenate(list(pool.blocks())), images)


def test_lists_of_images_are_rows():
    assert not gives_blocks([np.zeros((1, 8, 8))] * 3)
    assert as_pool([np.zeros((1, 8, 8))] * 3).shape == (3, 1, 8, 8)
    assert gives_blocks([np.zeros((3, 1, 8, 8))])
    assert not gives_blocks([np.zeros(3)])
    assert not gives_blocks([])


def test_rows_of_a_sparse_matrix_count_as_dense():
    like = scipy.sparse.csr_matrix((1, 2**20), dtype=np.float64)
    assert next(iter(row_blocks(10, like))).stop == 2


def test_only_blocks_that_are_wanted_are_read():
    files = FilesOfKnownShape(X)
    as_pool(files).take([1, 7])
    assert files.n_read == 2


def test_chunks_on_disk_are_read_once(monkeypatch):
    monkeypatch.setattr(_pool, "BLOCK_BYTES", 7 * X[0].nbytes)

    class Counting:
        shape, dtype, chunks, ndim = X.shape, X.dtype, (5, 2), 2
        slices = []

        def __getitem__(self, rows):
            self.slices.append((rows.start, rows.stop))
            return X[rows]

    list(as_pool(Counting()).blocks())
    assert Counting.slices == [(0, 5), (5, 10), (10, 15), (15, 20), (20, 23)]


def test_generator_is_refused():
    with pytest.raises(TypeError, match=r"generator gives its blocks only once.*__iter__"):
        as_pool(X[i : i + 2] for i in range(3))
    with pytest.raises(TypeError, match="zip gives its blocks only once"):
        as_pool(zip([X], [X], strict=True))


def test_frames_without_rows_at_hand_are_refused():
    (batch,) = pa.table({"a": [1, 2]}).to_batches()
    with pytest.raises(TypeError, match=r"pass pyarrow.Table.from_batches\(\[X\]\)"):
        as_pool(batch)
    with pytest.raises(TypeError, match=r"pass X.collect\(\)"):
        as_pool(pl.LazyFrame({"a": [1, 2]}))


def test_iterable_that_is_exhausted():
    class Once:
        def __init__(self):
            self.blocks = iter([X[:9], X[9:]])

        def __iter__(self):
            return self.blocks

    with pytest.raises(ValueError, match="pool"):
        list(as_pool(Once()).blocks())


def test_iterable_that_changes():
    files = Files(X)
    pool = as_pool(files)
    assert pool.n_samples == 23
    files.X = X[:20]
    with pytest.raises(ValueError, match="had 23 rows in all at first, and now have 20"):
        list(pool.blocks())


def test_blocks_of_different_width():
    with pytest.raises(ValueError, match=r"one has samples of shape \(3,\), the first of shape"):
        list(as_pool([X, X[:, :3]]).blocks())


def test_blocks_that_are_no_samples():
    class Rows:
        def __iter__(self):
            return iter(X)

    with pytest.raises(TypeError, match=r"it gave ndarray of shape \(4,\)"):
        as_pool(Rows()).shape  # noqa: B018 - reading it raises


def test_no_blocks():
    with pytest.raises(ValueError, match="pool is empty"):
        as_pool({}.keys()).shape  # noqa: B018 - reading it raises


def test_dask_chunks_of_unknown_length():
    array = in_dask(X)
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        as_pool(array[array[:, 0] > 0])


def test_positions_of_whole_dask_chunks_do_not_travel():
    pool = as_pool(dask.array.zeros((100_000, 2), chunks=(20_000, 2)))
    tasks = pool.tasks(len, np.arange(1, 100_000))
    assert sum(dask.compute(*tasks)) == 99_999
    sizes = [len(pickle.dumps(dict(task.dask))) for task in tasks]
    assert sizes[0] > 100_000  # of this one nearly all rows are wanted
    assert max(sizes[1:]) < 20_000


def test_dask_collections_that_are_no_arrays():
    with pytest.raises(TypeError, match=r"got Delayed.*to_dask_array"):
        as_pool(dask.delayed(X))
