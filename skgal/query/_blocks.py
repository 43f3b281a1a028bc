"""Many samples at a time, but never so many that they fill the memory."""

import numpy as np
from sklearn.utils import gen_batches

from skgal.utils import take_rows

# A model needs a multiple of this for what it computes from a block.
BLOCK_BYTES = 2**24


def row_blocks(n_rows, like):
    """Cut rows into slices of at most 16 MiB each, and of at least one row.

    Parameters
    ----------
    n_rows : int
    like : array or DataFrame
        Samples of the size that the rows have; at least one.

    Returns
    -------
    iterator of slice
    """
    row_bytes = np.asarray(take_rows(like, [0])).nbytes
    return gen_batches(n_rows, max(1, BLOCK_BYTES // row_bytes))
