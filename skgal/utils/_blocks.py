"""Many samples at a time, but never so many that they fill the memory."""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import gen_batches

from skgal.utils._rows import index_rows

# A model needs a multiple of this for what it computes from a block.
BLOCK_BYTES = 2**24


def row_blocks(n_rows, like):
    """Cut rows into slices of at most 16 MiB each, and of at least one row.

    Parameters
    ----------
    n_rows : int
    like : array, sparse matrix or DataFrame
        Samples of the size that the rows have; at least one. Rows of a sparse matrix count as
        if they were dense, since that is what most models make of them.

    Returns
    -------
    iterator of slice

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.utils import row_blocks
    >>> list(row_blocks(5, like=np.zeros((1, 2**20))))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return gen_batches(n_rows, max(1, BLOCK_BYTES // max(1, _row_bytes(like))))


def _row_bytes(like):
    if issparse(like):
        return like.shape[1] * like.dtype.itemsize
    return np.asarray(index_rows(like, [0])).nbytes
