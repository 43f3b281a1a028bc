"""One column of a mixed table, as the numbers that a network reads and writes."""

import numpy as np
from sklearn.preprocessing import QuantileTransformer

from skgal.utils._labels import is_missing

# Landmarks between which a column's distribution function is interpolated.
_N_QUANTILES = 1000


class NumericColumn:
    """Numbers, spread evenly over [-1, 1] by their ranks; missing ones have a flag.

    A skewed column, or one with a spike (the many zeros of an amount), is as easy for a network
    as an even one, and what comes back lies within the range of the data: a spike fills an
    interval, all of which comes back as the spike.

    Parameters
    ----------
    values : ndarray of shape (n_samples,), dtype float64
        NaN where missing, but not everywhere.

    Attributes
    ----------
    groups : tuple of int
        Widths of the network columns: 1 for the number, 2 more for (there, missing) if any is
        missing.
    """

    def __init__(self, values):
        known = values[~np.isnan(values)]
        self.has_missing = len(known) < len(values)
        self.groups = (1, 2) if self.has_missing else (1,)
        self.is_whole = bool(np.all(known == np.rint(known)))
        n_quantiles = min(_N_QUANTILES, len(known))
        self._ranks = QuantileTransformer(n_quantiles=n_quantiles, subsample=None)
        self._ranks.fit(known[:, None])

    def encode(self, values):
        """Return the network columns of some values, (n_samples, sum(groups))."""
        missing = np.isnan(values)
        if missing.any() and not self.has_missing:
            raise ValueError("has missing values, but had none in fit; impute them, or fit to such")
        numbers = 2 * self._ranks.transform(np.where(missing, 0.0, values)[:, None]) - 1
        if not self.has_missing:
            return numbers
        numbers[missing] = 0.0
        return np.column_stack([numbers, ~missing, missing])

    def decode(self, columns):
        """Return the values, float64, of network columns."""
        ranks = np.clip(columns[:, :1] / 2 + 0.5, 0.0, 1.0)
        values = self._ranks.inverse_transform(ranks.astype(np.float64))[:, 0]
        if self.is_whole:
            values = np.rint(values)
        if self.has_missing:
            values[columns[:, 2] > columns[:, 1]] = np.nan
        return values


class CategoricalColumn:
    """Categories (strings, booleans, anything hashable), one network column each.

    "Missing" is a category like the others, if any value is missing.

    Parameters
    ----------
    values : list of length n_samples
        None where missing.

    Attributes
    ----------
    categories : list
        In order of first appearance.
    groups : tuple of int
        The number of categories.
    """

    def __init__(self, values):
        self.categories = list(dict.fromkeys(values))
        self.groups = (len(self.categories),)
        self._codes = {category: code for code, category in enumerate(self.categories)}

    def encode(self, values):
        """Return the network columns of some values, (n_samples, n_categories) of 0 and 1."""
        unknown = [value for value in dict.fromkeys(values) if value not in self._codes]
        if unknown:
            raise ValueError(
                f"has categories that were not there in fit: {unknown}; known are {self.categories}"
            )
        return np.eye(*self.groups)[[self._codes[value] for value in values]]

    def decode(self, columns):
        """Return the values, a list, of network columns."""
        return [self.categories[code] for code in columns.argmax(axis=1)]


class ConstantColumn:
    """The same value everywhere, or nothing but missing ones: nothing for a network to do.

    Parameters
    ----------
    value : object
    """

    groups = ()

    def __init__(self, value):
        self.value = value

    def encode(self, values):
        """Return no network columns, an array of shape (n_samples, 0)."""
        return np.empty((len(values), 0))

    def decode(self, columns):
        """Return the value, as often as there are rows."""
        return [self.value] * len(columns)


def read_column(column):
    """Read a column of a pandas or polars DataFrame.

    Parameters
    ----------
    column : pandas.Series or polars.Series

    Returns
    -------
    ndarray of float64 with NaN for missing, or list with None for missing
        Numbers as the one, all else as the other.

    Raises
    ------
    ValueError
        If the column holds times, infinite numbers, or what can't be a category.
    """
    values = column.to_list()
    missing = is_missing(np.fromiter(values, dtype=object, count=len(values)))
    if is_numeric(column.dtype):
        numbers = np.array(
            [np.nan if gap else value for value, gap in zip(values, missing, strict=True)],
            dtype=np.float64,
        )
        if np.isinf(numbers).any():
            raise ValueError("has infinite values; clip or drop them")
        return numbers
    if _is_temporal(column.dtype):
        raise ValueError(f"holds times ({column.dtype}); turn them into numbers, such as days")
    values = [None if gap else value for value, gap in zip(values, missing, strict=True)]
    try:
        hash(tuple(values))
    except TypeError:
        raise ValueError("holds values that can't be categories, such as lists") from None
    return values


def make_column(values):
    """Choose how a column goes to the network.

    Parameters
    ----------
    values : ndarray or list
        As `read_column` returns it.

    Returns
    -------
    NumericColumn, CategoricalColumn or ConstantColumn
    """
    if isinstance(values, list):
        distinct = dict.fromkeys(values)
    else:
        distinct = dict.fromkeys(None if np.isnan(value) else value for value in values.tolist())
    if len(distinct) == 1:
        return ConstantColumn(values[0])
    if isinstance(values, list):
        return CategoricalColumn(values)
    return NumericColumn(values)


def is_numeric(dtype):
    """Tell whether a pandas or polars dtype holds numbers; booleans are categories."""
    if hasattr(dtype, "is_numeric"):  # polars
        return dtype.is_numeric()
    return dtype.kind in "iuf"


def _is_temporal(dtype):
    if hasattr(dtype, "is_temporal"):  # polars
        return dtype.is_temporal()
    return dtype.kind in "mM" or dtype.name.startswith("period")
