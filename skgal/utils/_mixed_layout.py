"""The way from a DataFrame of mixed columns to network tensors, and back."""

from contextlib import contextmanager

import numpy as np

from skgal.utils._columns import is_numeric, make_column, read_column
from skgal.utils._labels import is_missing


class MixedLayout:
    """The layout of a table whose columns are numbers, categories, booleans, or have gaps.

    It stands in for `DataLayout` where a table isn't made of complete numbers. Numbers go to
    the networks by rank, categories as one column each; what comes back has the columns,
    dtypes, ranges and categories of the data, and gaps only where the data had some.

    Parameters
    ----------
    frame : pandas.DataFrame or polars.DataFrame

    Attributes
    ----------
    shape : tuple of int
        (n_columns,), the number of columns that networks see.
    groups : tuple of int
        How these belong together: 1 for a number in [-1, 1], k for one of k categories.
    flags : tuple of int
        Which of the groups are flags, (there, missing), of the number before; one that is missing
        is 0.

    Raises
    ------
    ValueError
        If a column holds times, infinite numbers or what can't be a category, if all columns
        are constant, or two have the same name.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgal.utils import MixedLayout
    >>> frame = pd.DataFrame({"age": [20, 40, 30], "sex": ["f", "m", None]})
    >>> layout = MixedLayout(frame)
    >>> layout.groups
    (1, 3)
    >>> layout.from_network(layout.to_network(frame)).equals(frame)
    True
    """

    is_image = False

    def __init__(self, frame):
        if len(set(frame.columns)) < len(frame.columns):
            raise ValueError(
                f"Column names must differ from each other, got {list(frame.columns)}; "
                "rename the columns of X."
            )
        self._empty = frame[:0]
        self.sample_shape = (len(frame.columns),)
        self._columns = {name: make_column(values) for name, values in self._read(frame)}
        self.groups = sum((column.groups for column in self._columns.values()), ())
        if not self.groups:
            raise ValueError("All columns of X are constant; there is nothing to learn from it.")
        self.shape = (sum(self.groups),)

    @property
    def flags(self):
        """The positions in ``groups`` of what says whether a number is there."""
        columns = self._columns.values()
        ends = np.cumsum([len(column.groups) for column in columns]).tolist()
        return tuple(
            end - 1
            for end, column in zip(ends, columns, strict=True)
            if getattr(column, "has_missing", False)
        )

    @staticmethod
    def fits(X):
        """Tell whether X is a table for this layout: not just complete numbers.

        Parameters
        ----------
        X : object

        Returns
        -------
        bool

        Raises
        ------
        TypeError
            If X is lazy, a query whose rows are not there yet.
        """
        if type(X).__name__ == "LazyFrame":
            raise TypeError("X is a LazyFrame, whose rows are not there yet; pass X.collect().")
        if not hasattr(X, "columns") or len(set(X.columns)) < len(X.columns):
            return False
        return any(
            not is_numeric(X[name].dtype) or is_missing(X[name].to_numpy()).any()
            for name in X.columns
        )

    def to_network(self, frame):
        """Encode rows for the networks.

        Parameters
        ----------
        frame : pandas.DataFrame or polars.DataFrame
            The columns of the fitted one.

        Returns
        -------
        ndarray of shape (n_samples, *shape), dtype float32

        Raises
        ------
        ValueError
            If a column has categories or gaps that the fitted one had not.
        """
        blocks = []
        for name, values in self._read(frame):
            with _naming(name):
                blocks.append(self._columns[name].encode(values))
        return np.concatenate(blocks, axis=1, dtype=np.float32)

    def from_network(self, tensor):
        """Bring network outputs back to the columns, dtypes, ranges and categories of the data.

        Parameters
        ----------
        tensor : ndarray of shape (n_samples, *shape)
            Of the columns of one category the largest counts.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
        """
        columns, start = {}, 0
        for name, column in self._columns.items():
            stop = start + sum(column.groups)
            columns[name] = column.decode(tensor[:, start:stop])
            start = stop
        return self._fill(columns)

    def _read(self, frame):
        for name in self._empty.columns:
            with _naming(name):
                yield name, read_column(frame[name])

    def _fill(self, columns):
        empty = self._empty
        if hasattr(empty, "schema"):  # polars, whose gaps are None
            columns = {
                name: _without_nan(values) if isinstance(values, np.ndarray) else values
                for name, values in columns.items()
            }
            return type(empty)(columns, strict=False).cast(dict(empty.schema))
        return type(empty)(columns, columns=empty.columns).astype(empty.dtypes.to_dict())


def _without_nan(values):
    return [None if gap else value for value, gap in zip(values, np.isnan(values), strict=True)]


@contextmanager
def _naming(name):
    """Say which column an error is about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Column {name!r} of X {error}.") from None
