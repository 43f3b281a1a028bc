"""The way from the user's samples to network tensors in [-1, 1], and back.

Networks see float32 arrays of shape (n, n_columns) or (n, c, h, w); users see their own container,
columns, dtypes and value ranges. `make_layout` chooses between two layouts that keep one contract:
`DataLayout`, for images and for tables of nothing but numbers, and `MixedLayout`, for tables that
have categories, booleans or gaps.

A layout has

- ``shape``, of one sample as networks see it, ``sample_shape``, as users do, and ``is_image``;
- ``groups``, how the network's columns belong together: 1 for a number in [-1, 1], k for one of k
  categories; None where all are numbers;
- ``flags``, which of the groups say whether the number before is there;
- ``affine``, the scale and the centre of the numbers, float64: what networks call x is
  ``scale * x + centre`` to users; None where there are categories or gaps;
- ``to_network(X)`` and ``from_network(tensor)``.
"""

from importlib import import_module
from math import prod
from numbers import Integral, Real

import numpy as np
from sklearn.preprocessing import QuantileTransformer
from sklearn.utils import gen_batches

from skgal.exceptions import (
    ChannelsLastWarning,
    ConstantColumnWarning,
    IdentifierColumnWarning,
)
from skgal.utils._fits import warn_user, warn_user_once
from skgal.utils._frames import (
    Column,
    FrameTemplate,
    LabelTemplate,
    frame_columns,
    has_equal_names,
    holds_numbers,
    is_frame,
    naming,
    read_array_column,
    read_series,
)
from skgal.utils._labels import is_missing

# Bytes of float64 that are scaled at a time, so that only a float32 copy of all rows is made.
_BLOCK_BYTES = 2**24
# Landmarks between which a column's distribution function is interpolated.
_N_QUANTILES = 1000
# More categories than this go to networks as several digits, each one of so many.
_MAX_ONE_HOT = 1000
_BASE = 32
# A column with this many rows or more, nearly all of them different, is taken for identifiers.
_MIN_ROWS = 20
_IDENTIFIER_SHARE = 0.9
# Whole numbers below are exact in float64, and so is half the sum of two.
_EXACT = 2**52


def make_layout(X, image_shape=None):
    """Learn how samples are laid out, images that come as flat rows by their shape."""
    if not is_mixed(X):
        return DataLayout(X, image_shape)
    if image_shape is not None:
        raise ValueError(
            f"image_shape={image_shape} says that the rows of X are images, but X has "
            "categories, booleans or gaps; leave image_shape out, or pass numbers only."
        )
    return MixedLayout(X)


def as_samples(X):
    """Bring samples into a container that layouts know, so that all take the same ones.

    An array for a list of rows, a masked array, whose masked values become NaN, or a tensor of
    torch; a table of pyarrow for a batch of records; anything else as it is.
    """
    if type(X).__module__.partition(".")[0] == "pyarrow" and hasattr(X, "schema"):
        is_batch = type(X).__name__ == "RecordBatch"
        return import_module("pyarrow").Table.from_batches([X]) if is_batch else X
    if type(X).__module__.partition(".")[0] == "torch":
        X = X.detach().cpu().numpy()
    if isinstance(X, np.ma.MaskedArray):
        X = X.astype(np.result_type(X, np.float32)).filled(np.nan) if X.mask.any() else X.data
    rows = _as_rows(X)
    if rows is None:
        return X
    if rows.dtype.kind in "mM":
        raise ValueError("X is an array of times; turn them into numbers, such as days.")
    return rows if isinstance(X, np.ndarray) or is_mixed(rows) else X


def is_mixed(X):
    """Tell whether X is a table of more than complete numbers, which has a `MixedLayout`.

    Such are a DataFrame with categories, booleans or gaps; an array of two dimensions with NaN; and
    an array or list of rows of objects that aren't all numbers.
    """
    if is_frame(X):
        return not has_equal_names(X) and not all(map(holds_numbers, frame_columns(X).values()))
    array = _as_rows(X)
    if array is None or array.ndim != 2 or 0 in array.shape:
        return False
    if array.dtype.kind in "US":
        raise ValueError(
            "X is an array of strings, in which numbers and categories look alike; pass a "
            "DataFrame, or an array of dtype object."
        )
    if array.dtype.kind != "O":
        return array.dtype.kind == "f" and bool(np.isnan(array).any())
    missing = is_missing(array.ravel())
    known = array.ravel()[~missing]
    if not all(isinstance(value, str | bool | Real | np.generic) for value in known):
        return False  # scikit-learn's error says more
    return bool(missing.any()) or any(isinstance(value, str | bool | np.bool_) for value in known)


def _as_rows(X):
    """Return an array, or a list of rows as one of objects if numbers and strings are mixed."""
    if isinstance(X, np.ndarray):
        return X
    if not isinstance(X, list | tuple):
        return None
    try:
        array = np.asarray(X)
    except ValueError:  # rows of different lengths; scikit-learn's error says more
        return None
    return np.asarray(X, dtype=object) if array.dtype.kind in "US" else array


class DataLayout:
    """Shape, value range, dtype and column names of images, or of a table of numbers.

    A table is scaled column by column, an image by one range for all pixels: what the training
    data span is what comes back, whatever the dtype allows.

    The way there and back returns whole numbers and booleans exactly (columns that span less
    than 2**24, wherever they lie) and real numbers to the float32 precision of their column's
    span. A constant column is 0 to the networks and comes back as it was, whatever they make of it.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.utils import DataLayout
    >>> X = np.array([[0, 255], [255, 0]], dtype=np.uint8)
    >>> layout = DataLayout(X)
    >>> layout.to_network(X).tolist()
    [[-1.0, 1.0], [1.0, -1.0]]
    >>> layout.from_network(np.array([[0.0, 1.0]])).tolist()
    [[128, 255]]
    """

    groups = None
    flags = ()

    def __init__(self, X, image_shape=None):
        self.template = FrameTemplate.of(X)
        blocks = self._read(X)
        self.sample_shape = X.shape[1:] if self.template is None else (len(self.template.names),)
        self.shape = _network_shape(tuple(self.sample_shape), image_shape)
        # Of the columns of each dtype; an array has one only.
        self._positions = None if self.template is None else [own for own, _ in blocks]
        if self.is_image:  # one range for all pixels, of whatever dtypes
            ends = [[values.min(), values.max()] for _, values in blocks]
            ends = np.concatenate([np.asarray(pair) for pair in ends])
            self._scales = [NumberScale(ends, None, values.dtype) for _, values in blocks]
        else:
            self._scales = [NumberScale(values, 0) for _, values in blocks]

    @property
    def is_image(self):
        """Whether a sample is an image."""
        return len(self.shape) == 3

    @property
    def affine(self):
        """Scale and centre; the scale of a constant column is 0, so that it stays what it is."""
        if self.is_image:
            return self._scales[0].affine
        scale, centre = np.empty(self.shape), np.empty(self.shape)
        for positions, numbers in zip(self._positions or [slice(None)], self._scales, strict=True):
            scale[positions], centre[positions] = numbers.affine
        return scale, centre

    def to_network(self, X):
        """Scale samples to [-1, 1], float32; values beyond the fitted range lie outside."""
        blocks = self._read(X, self._positions)
        n_samples, width = len(blocks[0][1]), prod(self.shape)
        tensor = np.empty((n_samples, width), dtype=np.float32)
        changed = []
        for (positions, values), scale in zip(blocks, self._scales, strict=True):
            for rows in _row_batches(values):
                scaled = scale.to_unit(values[rows])
                tensor[rows, positions] = scaled.reshape(len(scaled), -1)
            if not self.is_image:
                changed += np.arange(width)[positions][scale.has_changed(values)].tolist()
        if self.template is not None:
            changed = [self.template.names[position] for position in changed]
        _warn_of_changed(changed)
        return tensor.reshape(n_samples, *self.shape)

    def from_network(self, tensor):
        """Bring network outputs back to the user's shape, range, dtype and columns."""
        flat = tensor.reshape(len(tensor), prod(self.shape))
        if self.template is None:
            values = _to_users(flat, slice(None), self._scales[0])
            return values.reshape(len(flat), *self.sample_shape)
        columns = [None] * flat.shape[1]
        complete = np.zeros(len(flat), dtype=bool)
        for positions, scale in zip(self._positions, self._scales, strict=True):
            values = _to_users(flat, positions, scale)
            kind = "real" if values.dtype.kind == "f" else "integer"
            for position, column in zip(positions, values.T, strict=True):
                columns[position] = Column(kind, column, complete)
        return self.template.fill(columns)

    def _read(self, X, positions=None):
        """Return (positions of columns, their values) for the columns of each dtype."""
        if self.template is None:
            return [(slice(None), np.asarray(X))]
        if not is_frame(X):
            return [(columns, np.asarray(X)[:, columns]) for columns in positions]
        columns = []
        for name, series in frame_columns(X).items():
            with naming(name):
                columns.append(_complete_numbers(read_series(series)))
        if positions is None:
            dtypes = [str(column.dtype) for column in columns]
            positions = [
                [i for i, other in enumerate(dtypes) if other == dtype]
                for dtype in dict.fromkeys(dtypes)
            ]
        return [(own, np.column_stack([columns[i] for i in own])) for own in positions]


def _complete_numbers(column):
    _refuse_categories(column)
    _refuse_gaps(column)
    return column.values


def _to_users(flat, positions, scale):
    values = np.empty((len(flat), len(np.arange(flat.shape[1])[positions])), scale.dtype)
    for rows in _row_batches(flat):
        values[rows] = scale.from_unit(flat[rows][:, positions])
    return values


def _row_batches(values):
    row_bytes = 8 * max(1, prod(values.shape[1:]))
    return gen_batches(len(values), max(1, _BLOCK_BYTES // row_bytes))


def _warn_of_changed(columns):
    if columns:
        warn_user(
            f"The columns {listed(columns)} of X were constant in fit, and have other values now; "
            "networks ignore these columns.",
            ConstantColumnWarning,
        )


def listed(names, most=10):
    """Spell names out, but not a thousand of them."""
    shown = ", ".join(map(repr, names[:most]))
    return f"[{shown}]" if len(names) <= most else f"[{shown}, and {len(names) - most} more]"


def check_sample_shape(sample_shape):
    """Refuse samples that are neither rows nor images with an axis for their channels."""
    if len(sample_shape) in (1, 3):
        return
    advice = ""
    if len(sample_shape) == 2:
        advice = " Grey images need an axis for their one channel: pass X[:, None]."
    raise ValueError(
        "X must have shape (n_samples, n_features) or (n_samples, channels, height, width); "
        f"each sample has shape {sample_shape}.{advice}"
    )


def _network_shape(sample_shape, image_shape):
    if image_shape is None:
        check_sample_shape(sample_shape)
        warn_of_channels_last(sample_shape)
        return tuple(sample_shape)
    if len(image_shape) != 3 or not all(map(_is_length, image_shape)):
        raise ValueError(
            "image_shape must be three positive integers (channels, height, width), "
            f"got {image_shape!r}."
        )
    image_shape = tuple(int(side) for side in image_shape)
    if sample_shape != image_shape and sample_shape != (prod(image_shape),):
        raise ValueError(
            f"image_shape={image_shape} stands for {prod(image_shape)} values a sample, "
            f"but the samples of X have shape {sample_shape}; change image_shape or X."
        )
    return image_shape


def _is_length(side):
    return isinstance(side, Integral) and side >= 1


def warn_of_channels_last(sample_shape):
    """Warn where images look as if their channels came last."""
    if len(sample_shape) != 3:
        return
    channels, height, width = sample_shape
    if width in (1, 3, 4) and channels > 4 and height > width:
        warn_user_once(
            f"Each sample of X has shape {tuple(sample_shape)}, and is taken for {channels} "
            f"channels of {height} x {width} pixels. If the last axis is that of the channels, "
            "move it: np.moveaxis(X, -1, 1).",
            ChannelsLastWarning,
        )


class NumberScale:
    """Numbers of one dtype, scaled to [-1, 1] and back; whole ones come back exactly."""

    def __init__(self, values, axis, dtype=None):
        self.dtype = values.dtype if dtype is None else dtype
        # Not MinMaxScaler: it takes spans below 2e-15 for constant, and SI units go lower.
        low, high = np.min(values, axis=axis), np.max(values, axis=axis)
        self.origin = self.span = None
        if values.dtype.kind in "iu" and max(-int(np.min(low)), int(np.max(high))) > _EXACT:
            # float64 can't tell such numbers apart, but their distances from the lowest.
            self.origin = _modular(low)
            self.span = _modular(high) - self.origin
            low, high = np.zeros(np.shape(low)), self.span
        self.low, self.high = np.asarray(low, np.float64), np.asarray(high, np.float64)
        self.centre = self.low / 2 + self.high / 2
        half_span = self.high / 2 - self.low / 2
        self.scale = np.where(half_span > 0, half_span, 1.0)

    @property
    def affine(self):
        """Scale and centre, as float64; the scale of what is constant is 0."""
        centre = self.centre
        if self.origin is not None:
            centre = centre + self.origin.astype(self.dtype).astype(np.float64)
        return np.where(self.high > self.low, self.scale, 0.0), centre

    def to_unit(self, values):
        """Return values as float64, the fitted ones in [-1, 1]; 0 where those were constant."""
        scaled = np.subtract(self.distances(values), self.centre, dtype=np.float64)
        scaled /= self.scale
        return np.multiply(scaled, self.high > self.low, out=scaled)

    def from_unit(self, scaled):
        """Return numbers of the fitted dtype and range."""
        values = np.multiply(scaled, self.scale, dtype=np.float64)
        values += self.centre
        return self.from_distances(values)

    def distances(self, values):
        """Return what is scaled: values, or of large integers the distances from the lowest."""
        if self.origin is None:
            return values
        lowest = self.origin.astype(self.dtype)
        if values.dtype.kind not in "iu":
            return values - lowest.astype(np.float64)
        steps = _modular(values) - self.origin
        return np.where(values < lowest, -(~steps + np.uint64(1)).astype(np.float64), steps)

    def from_distances(self, values):
        """Return numbers of the fitted dtype and range; the float64 array given is overwritten."""
        # Outputs of networks, and rounding, must not leave the range of the data.
        np.clip(values, self.low, self.high, out=values)
        if self.dtype.kind in "biu":
            np.rint(values, out=values)
        if self.origin is None:
            return values.astype(self.dtype)
        # The span may be nearest to 2**64, which no integer of 64 bits holds.
        is_highest = values >= self.high
        steps = np.where(is_highest, 0.0, values).astype(np.uint64)
        return (np.where(is_highest, self.span, steps) + self.origin).astype(self.dtype)

    def has_changed(self, values):
        """Tell of each column whether it was constant and has other values now."""
        changed = np.logical_not(self.high > self.low)
        if changed.any():
            lowest = self.low if self.origin is None else self.origin.astype(self.dtype)
            changed[changed] = (values[:, changed] != lowest[changed]).any(axis=0)
        return changed


def _modular(values):
    """Return integers modulo 2**64, in which differences are exact."""
    values = np.asarray(values)
    return values.astype(np.uint64 if values.dtype.kind == "u" else np.int64).astype(np.uint64)


class MixedLayout:
    """The layout of a table whose columns are numbers, categories, booleans, or have gaps.

    Numbers go to the networks by rank, categories as one column each (more than 1,000 as digits);
    what comes back has the columns, dtypes, ranges and categories of the data, and gaps only
    where the data had some.
    """

    is_image = False
    affine = None

    def __init__(self, X):
        self.template = FrameTemplate.of(X) or ArrayTemplate.of(X)
        self._columns = []
        for name, column in self._read(X):
            self._columns.append(_make_column(column))
            _warn_of_identifiers(name, column)
        self.sample_shape = (len(self._columns),)
        self.groups = sum((column.groups for column in self._columns), ())
        if not self.groups:
            raise ValueError("All columns of X are constant; there is nothing to learn from it.")
        self.shape = (sum(self.groups),)

    @property
    def flags(self):
        """The positions in ``groups`` of what says whether a number is there."""
        ends = np.cumsum([len(column.groups) for column in self._columns]).tolist()
        return tuple(
            end - 1
            for end, column in zip(ends, self._columns, strict=True)
            if isinstance(column, NumericColumn) and column.has_missing
        )

    def to_network(self, X):
        """Encode rows for the networks; refuse categories and gaps that the fitted ones had not."""
        read = list(self._read(X))
        tensor = np.zeros((len(read[0][1].missing), *self.shape), dtype=np.float32)
        start, changed = 0, []
        for (name, values), column in zip(read, self._columns, strict=True):
            stop = start + sum(column.groups)
            with naming(name):
                column.encode(values, tensor[:, start:stop])
            if isinstance(column, ConstantColumn) and column.has_changed(values):
                changed.append(name)
            start = stop
        _warn_of_changed(changed)
        return tensor

    def from_network(self, tensor):
        """Bring network outputs back to the columns, dtypes, ranges and categories of the data."""
        columns, start = [], 0
        for column in self._columns:
            stop = start + sum(column.groups)
            columns.append(column.decode(tensor[:, start:stop]))
            start = stop
        return self.template.fill(columns)

    def _read(self, X):
        """Iterate over names and values of the columns."""
        if isinstance(self.template, ArrayTemplate):
            array = np.asarray(X, dtype=self.template.dtype)
            for position in range(array.shape[1]):
                with naming(position):
                    column = read_array_column(array[:, position])
                yield position, column
        else:
            series = frame_columns(X)
            for name in self.template.names:
                with naming(name):
                    column = read_series(series[name])
                yield name, column


class ArrayTemplate:
    """An array that is a table: its dtype, and what stands for missing values in each column."""

    def __init__(self, dtype, gaps):
        self.dtype = dtype
        self.gaps = gaps

    @classmethod
    def of(cls, X):
        """Learn the dtype, and how missing values are written."""
        array = _as_rows(X)
        gaps = [None] * array.shape[1]
        if array.dtype.kind == "O":
            for position, column in enumerate(array.T):
                missing = column[is_missing(column)]
                gaps[position] = None if not len(missing) or missing[0] is None else np.nan
        return cls(array.dtype, gaps)

    def fill(self, columns):
        """Make an array of columns."""
        array = np.empty((len(columns[0].missing), len(columns)), dtype=self.dtype)
        for position, column in enumerate(columns):
            if self.dtype.kind == "O":
                values = column.values
                values = values if isinstance(values, list) else values.tolist()
                array[:, position] = [
                    self.gaps[position] if gap else value
                    for value, gap in zip(values, column.missing, strict=True)
                ]
            else:
                array[:, position] = np.where(column.missing, np.nan, column.values)
        return array


def _make_column(column):
    """Choose how a column goes to the network."""
    if column.kind == "category":
        distinct = dict.fromkeys(column.values)
        if len(distinct) == 1:
            return ConstantColumn("category", column.values[0], column.missing[0])
        return CategoricalColumn(distinct)
    known = column.values[~column.missing]
    is_constant = not len(known) or known.min() == known.max()
    if is_constant and (column.missing.all() or not column.missing.any()):
        return ConstantColumn(column.kind, column.values[0], column.missing[0])
    return NumericColumn(column)


def _warn_of_identifiers(name, column):
    n_known = len(column.missing) - int(np.count_nonzero(column.missing))
    if column.kind != "category" or n_known < _MIN_ROWS:
        return
    n_distinct = len(set(column.values) - {None})
    if n_distinct >= _IDENTIFIER_SHARE * n_known:
        warn_user(
            f"Column {name!r} of X has {n_distinct} different values in {n_known} rows, so it "
            "seems to identify them. Nothing can be learnt from it, and samples will repeat "
            "its values word for word, which may disclose whom they belong to; drop the column.",
            IdentifierColumnWarning,
        )


class NumericColumn:
    """Numbers, spread evenly over [-1, 1] by their ranks; missing ones have a flag."""

    def __init__(self, column):
        known = column.values[~column.missing]
        self.kind = column.kind
        self.has_missing = bool(column.missing.any())
        self.groups = (1, 2) if self.has_missing else (1,)
        self.is_whole = bool(np.all(known == np.rint(known)))
        # Distances from the lowest are exact where the numbers themselves are too large.
        self.scale = NumberScale(known[:, None], axis=0)
        n_quantiles = min(_N_QUANTILES, len(known))
        self._ranks = QuantileTransformer(n_quantiles=n_quantiles, subsample=None)
        self._ranks.set_output(transform="default")  # whatever is set for all of scikit-learn
        self._ranks.fit(self._numbers(known))

    def _numbers(self, values):
        return np.asarray(self.scale.distances(values[:, None]), dtype=np.float64)

    def encode(self, column, out):
        """Write the network columns of some values, (n_samples, sum(groups))."""
        _refuse_categories(column)
        missing = column.missing
        if not self.has_missing:
            _refuse_gaps(column)
        values = np.where(missing, 0, column.values)
        out[:, :1] = 2 * self._ranks.transform(self._numbers(values)) - 1
        if self.has_missing:
            out[missing, 0] = 0.0
            out[:, 1], out[:, 2] = ~missing, missing

    def decode(self, columns):
        """Return the values of network columns."""
        ranks = np.clip(columns[:, :1] / 2 + 0.5, 0.0, 1.0)
        values = self._ranks.inverse_transform(ranks.astype(np.float64))
        if self.is_whole:
            values = np.rint(values)
        values = self.scale.from_distances(values)[:, 0]
        missing = np.zeros(len(values), dtype=bool)
        if self.has_missing:
            missing = columns[:, 2] > columns[:, 1]
        if self.kind == "real":
            values[missing] = np.nan
        return Column(self.kind, values, missing)


def _refuse_categories(column):
    if column.kind == "category":
        raise ValueError("holds categories, but held numbers in fit")


def _refuse_gaps(column):
    if column.missing.any():
        raise ValueError(
            "has missing values, but had none in fit; impute them, or fit to data with gaps"
        )


class CategoricalColumn:
    """Categories, one network column each, or 32 a digit if there are more than 1,000."""

    def __init__(self, distinct):
        self.categories = list(distinct)
        n_left = len(self.categories)
        self.groups = (n_left,)
        if n_left > _MAX_ONE_HOT:
            self.groups = ()
            while n_left > 1:
                self.groups += (min(n_left, _BASE),)
                n_left = -(-n_left // _BASE)

    def encode(self, column, out):
        """Write the network columns of some values, (n_samples, sum(groups)), of 0 and 1."""
        if column.kind != "category":
            column = column._replace(values=_as_objects(column))
        index = {category: code for code, category in enumerate(self.categories)}
        unknown = [value for value in dict.fromkeys(column.values) if value not in index]
        if unknown:
            raise ValueError(
                f"has categories that were not there in fit: {listed(unknown)}; known are "
                f"{listed(self.categories)}"
            )
        codes = np.fromiter((index[value] for value in column.values), np.intp, len(column.values))
        start = 0
        for width in self.groups:
            codes, digit = np.divmod(codes, width) if len(self.groups) > 1 else (codes, codes)
            out[np.arange(len(out)), start + digit] = 1
            start += width

    def decode(self, columns):
        """Return the values of network columns."""
        codes, start, unit = np.zeros(len(columns), dtype=np.intp), 0, 1
        for width in self.groups:
            codes += unit * columns[:, start : start + width].argmax(axis=1)
            start, unit = start + width, unit * width
        values = [self.categories[code] for code in codes % len(self.categories)]
        missing = np.fromiter((value is None for value in values), bool, len(values))
        return Column("category", values, missing)


def _as_objects(column):
    return [None if m else v for v, m in zip(column.values.tolist(), column.missing, strict=True)]


class ConstantColumn:
    """The same value everywhere, or only missing ones: nothing for a network to do."""

    groups = ()

    def __init__(self, kind, value, is_missing):
        self.kind = kind
        self.value = value
        self.is_missing = bool(is_missing)

    def encode(self, column, out):
        """Write no network columns, but refuse what can't be."""
        if self.kind != "category":
            _refuse_categories(column)
        elif other := [v for v in dict.fromkeys(_values(column)) if v != self.value]:
            raise ValueError(
                f"has categories that were not there in fit: {listed(other)}; known is only "
                f"{self.value!r}"
            )
        if not self.is_missing:
            _refuse_gaps(column)

    def has_changed(self, column):
        """Tell whether a column has other numbers than the one that is known."""
        if self.kind == "category":
            return False
        known = column.values[~column.missing]
        return bool(len(known) and (self.is_missing or (known != self.value).any()))

    def decode(self, columns):
        """Return the value, as often as there are rows."""
        missing = np.full(len(columns), self.is_missing)
        if self.kind == "category":
            return Column(self.kind, [self.value] * len(columns), missing)
        return Column(self.kind, np.full(len(columns), self.value), missing)


def _values(column):
    return column.values if column.kind == "category" else _as_objects(column)


# The classes that a generator's layout consists of, for its file.
LAYOUTS = (
    DataLayout,
    MixedLayout,
    FrameTemplate,
    LabelTemplate,
    ArrayTemplate,
    NumberScale,
    NumericColumn,
    CategoricalColumn,
    ConstantColumn,
)
