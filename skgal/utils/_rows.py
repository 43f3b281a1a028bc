"""Rows of arrays and data frames in memory, without caring which of the two."""

import numpy as np
from scipy import sparse
from sklearn.utils import _safe_indexing


def index_rows(X, indices):
    """Take rows of an array, a data frame or a list, all in memory.

    Parameters
    ----------
    X : array-like, pandas or polars DataFrame of n rows
    indices : array-like of int or of bool
        Positions, or a mask of length n.

    Returns
    -------
    The same kind of container as ``X``.
    """
    indices = np.asarray(indices)
    if indices.size == 0:  # NumPy makes floats of an empty list
        indices = indices.astype(np.intp)
    return _safe_indexing(X, indices)


def concat_rows(first, second):
    """Stack the rows of two containers of the same kind, those of ``first`` on top.

    Parameters
    ----------
    first, second : array-like or sparse matrices
        Or both pandas, or both polars DataFrames with the same columns.

    Returns
    -------
    ndarray, csr matrix or DataFrame
        Sparse where one of the two is; a DataFrame where both are one; a pandas index is made
        anew, 0 to n - 1.

    Raises
    ------
    TypeError
        If one is a DataFrame and the other is not, or one of pandas and one of polars.
    ValueError
        If the rows have different shapes or columns.

    Examples
    --------
    >>> from skgal.utils import concat_rows
    >>> concat_rows([[1, 2]], [[3, 4]]).tolist()
    [[1, 2], [3, 4]]
    """
    if hasattr(first, "columns") or hasattr(second, "columns"):
        return _concat_frames(first, second)
    any_sparse = sparse.issparse(first) or sparse.issparse(second)
    if not any_sparse:
        first, second = np.asarray(first), np.asarray(second)
    if first.shape[1:] != second.shape[1:]:
        raise ValueError(
            f"Cannot stack samples of shape {second.shape[1:]} below samples of shape "
            f"{first.shape[1:]}; both must have the same features or image shape."
        )
    if any_sparse:
        return sparse.vstack([first, second], format="csr")
    return np.concatenate([first, second])


def _concat_frames(first, second):
    if type(first) is not type(second):
        raise TypeError(
            f"Cannot stack a {type(second).__module__}.{type(second).__qualname__} below a "
            f"{type(first).__module__}.{type(first).__qualname__}; convert one to the other."
        )
    if list(first.columns) != list(second.columns):
        raise ValueError(
            f"Cannot stack columns {list(second.columns)} below columns {list(first.columns)}; "
            "both must have the same columns in the same order."
        )
    if hasattr(first, "vstack"):  # polars
        return first.vstack(second.cast(dict(first.schema)))
    import pandas as pd

    return pd.concat([first, second], ignore_index=True)
