"""Data frames of any library: what makes one, what its columns hold, and how to fill another.

pandas, polars and pyarrow are told apart by narwhals, here and where a store brings back exact
dtypes. A column is read into one of three kinds of values, and a template, which is plain data,
makes a frame of such.
"""

from contextlib import contextmanager
from decimal import Decimal, localcontext
from numbers import Integral, Real
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from skgal.utils._labels import is_missing


class Column(NamedTuple):
    """The kind ("integer", "real", "category") of a column, its values, and which are missing."""

    kind: str
    values: Any
    missing: np.ndarray


def is_frame(X):
    """Tell whether X is a data frame: of pandas, polars, pyarrow, or what else narwhals knows."""
    if type(X).__name__ == "LazyFrame":
        raise TypeError("X is a LazyFrame, whose rows are not there yet; pass X.collect().")
    if type(X).__name__ == "RecordBatch":
        raise TypeError("X is a RecordBatch of pyarrow; pass pyarrow.Table.from_batches([X]).")
    if nw.dependencies.is_pandas_like_dataframe(X):
        return True  # narwhals would refuse equal names, which scikit-learn doesn't
    return isinstance(nw.from_native(X, eager_only=True, pass_through=True), nw.DataFrame)


def column_names(X):
    """Return the names of a data frame's columns, a list."""
    return list(getattr(X, "column_names", None) or X.columns)


def has_equal_names(X):
    """Tell whether two columns of a data frame have the same name."""
    names = column_names(X)
    return len(set(names)) < len(names)


def frame_columns(X):
    """Return name and values of each column of a data frame, as narwhals Series."""
    if has_equal_names(X):
        raise ValueError(
            f"Column names must differ from each other, got {column_names(X)}; rename the columns "
            "of X."
        )
    columns = nw.from_native(X, eager_only=True).iter_columns()
    return dict(zip(column_names(X), columns, strict=True))


def _dense(series):
    native = series.to_native()
    if not str(getattr(native, "dtype", "")).startswith("Sparse"):
        return series
    return nw.from_native(native.sparse.to_dense(), series_only=True)


def holds_numbers(series):
    """Tell whether a narwhals Series holds numbers, none missing; booleans are categories."""
    series = _dense(series)
    if not series.dtype.is_numeric() or series.is_null().any():
        return False
    return not (series.dtype.is_float() and series.is_nan().any())


def read_series(series):
    """Read a narwhals Series as a `Column`; refuse times, infinite and complex numbers."""
    series = _dense(series)
    dtype = series.dtype
    if dtype.is_numeric():
        missing = series.is_null().to_numpy()
        numbers = series.fill_null(0) if missing.any() else series
        if dtype.is_integer():
            # NumPy has no integers of 128 bits.
            is_wide = dtype in (nw.Int128, nw.UInt128)
            values = np.array(numbers.to_list(), dtype=object) if is_wide else numbers.to_numpy()
            return _read_integers(values, missing)
        return read_reals(numbers.to_numpy().astype(np.float64), missing)
    native_dtype = str(getattr(series.to_native(), "dtype", ""))
    if dtype.is_temporal() or native_dtype.startswith("period"):
        raise ValueError(f"holds times ({native_dtype}); turn them into numbers, such as days")
    if native_dtype.startswith("complex"):
        raise ValueError("holds complex numbers; make two columns of real ones")
    return read_categories(series.to_list())


def read_array_column(values):
    """Read a column of a two-dimensional array, of objects say: as numbers, if all of it are."""
    if values.dtype.kind != "O":
        return read_reals(values.astype(np.float64), np.isnan(values))
    missing = is_missing(values)
    known = values[~missing]
    if len(known) and all(_is_number(value, Integral) for value in known):
        filled = [0 if gap else value for value, gap in zip(values, missing, strict=True)]
        return _read_integers(np.array(filled), missing)
    if len(known) and all(_is_number(value, Real) for value in known):
        return read_reals(np.where(missing, np.nan, values).astype(np.float64), missing)
    return read_categories(values.tolist())


def _is_number(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool | np.bool_)


def read_reals(values, missing):
    """Return a column of real numbers; NaN is missing, too."""
    missing = missing | np.isnan(values)
    if np.isinf(values).any():
        raise ValueError("has infinite values; clip or drop them")
    return Column("real", values, missing)


def _read_integers(values, missing):
    if values.dtype.kind in "iu":
        return Column("integer", values, missing)
    for dtype in (np.int64, np.uint64):  # integers of 128 bits, or of any length
        try:
            return Column("integer", np.array(values.tolist(), dtype=dtype), missing)
        except OverflowError:
            pass
    return Column("real", np.array(values.tolist(), dtype=np.float64), missing)


def read_categories(values):
    """Return a column of categories, None where missing."""
    missing = is_missing(np.fromiter(values, dtype=object, count=len(values)))
    values = [None if gap else value for value, gap in zip(values, missing, strict=True)]
    try:
        hash(tuple(values))
    except TypeError:
        raise ValueError("holds values that can't be categories, such as lists") from None
    return Column("category", values, missing)


@contextmanager
def naming(name, whole="X"):
    """Say which column an error is about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Column {name!r} of {whole} {error}.") from None


class TableColumn(NamedTuple):
    """A column that is compared: numbers with NaN where missing, or categories with None."""

    is_numeric: bool
    values: np.ndarray


def read_table(table, template):
    """Return the columns of a table, by name, in the order and of the kinds of a template's."""
    for each in (table, template):
        if not is_frame(each):
            raise TypeError(
                f"Tables are DataFrames of pandas, polars or pyarrow, got {type(each).__name__}; "
                "name the columns of an array by pandas.DataFrame(array)."
            )
    given, wanted = frame_columns(table), frame_columns(template)
    if missing := [name for name in wanted if name not in given]:
        raise ValueError(
            f"The tables must have the same columns; one has no {missing}, it has {list(given)}."
        )
    if len(table) == 0:
        raise ValueError("A table has no rows; each needs at least one.")
    columns = {}
    for name, column in wanted.items():
        with naming(name, "the tables"):
            columns[name] = _read_like(_comparable(given[name]), _comparable(column).dtype)
    return columns


def _read_like(series, dtype):
    """Read a column as what a dtype holds: numbers, categories, or times in nanoseconds."""
    is_null = series.is_null().to_numpy().astype(bool)
    if not dtype.is_numeric() and not dtype.is_temporal():
        values = np.empty(len(series), dtype=object)
        values[:] = read_categories(series.to_list()).values
        return TableColumn(False, values)
    if is_null.all():
        return TableColumn(True, np.full(len(series), np.nan))
    is_time = dtype.is_temporal() or series.dtype.is_temporal()
    kinds = {nw.Datetime if each == nw.Date else type(each) for each in (dtype, series.dtype)}
    if is_time and len(kinds) > 1:
        raise ValueError(f"holds {dtype} in one and {series.dtype} in another")
    values = _nanoseconds(series) if is_time else _floats(series)
    values[is_null] = np.nan
    return TableColumn(True, values)


def _comparable(series):
    """Return a column with a dtype that narwhals knows."""
    series = _dense(series)
    native = series.to_native()
    is_date = str(getattr(native, "dtype", getattr(native, "type", ""))).startswith("date64")
    return series.cast(nw.Datetime("ms")) if is_date else series


def _nanoseconds(series):
    """Return times in nanoseconds, whatever their unit: equal times are equal numbers."""
    if hasattr(getattr(series.to_native(), "dtype", None), "pyarrow_dtype"):
        # pandas casts few of Arrow's times.
        frame = series.alias("time").to_frame().to_arrow()
        series = nw.from_native(frame, eager_only=True).get_column("time")
    if series.dtype == nw.Date:
        series = series.cast(nw.Datetime("us"))
    elif series.dtype == nw.Time:
        series = series.cast(nw.Time)
    unit = getattr(series.dtype, "time_unit", "ns")
    return _floats(series.cast(nw.Int64)) * {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0}[unit]


def _floats(series):
    """Return numbers as floats, anything where missing; Arrow won't round large integers."""
    if series.dtype.is_integer() and series.dtype not in (nw.Int128, nw.UInt128):
        return series.fill_null(0).to_numpy().astype(np.float64)
    return series.cast(nw.Float64).to_numpy().astype(np.float64)


class FrameTemplate:
    """Library, names and dtypes of a data frame, as plain data, to be filled with new rows."""

    def __init__(self, library, names, dtypes):
        self.backend = library
        self.names = names
        self.dtypes = dtypes

    @classmethod
    def of(cls, X):
        """Learn names and dtypes; None where X is no data frame."""
        if not is_frame(X):
            return None
        columns = frame_columns(X)
        dtypes = [_describe(nw.to_native(series)) for series in columns.values()]
        return cls(str(nw.from_native(X, eager_only=True).implementation), list(columns), dtypes)

    def fill(self, columns):
        """Make a data frame of a list of `Column`."""
        library = nw.Implementation.from_backend(self.backend)
        namespace = library.to_native_namespace()
        fill = {"polars": _fill_polars, "pyarrow": _fill_arrow}.get(self.backend, _fill_pandas)
        filled = [
            fill(namespace, column, dtype)
            for column, dtype in zip(columns, self.dtypes, strict=True)
        ]
        if self.backend == "pyarrow":
            return namespace.table(filled, names=self.names)
        return namespace.DataFrame(dict(zip(self.names, filled, strict=True)))


class LabelTemplate:
    """Container, name and dtype of labels that come as a Series, or a frame of one column."""

    def __init__(self, library, name, dtype, is_frame):
        self.backend = library
        self.name = name
        self.dtype = dtype
        self.is_frame = is_frame

    @classmethod
    def of(cls, y):
        """Learn how labels come; None for lists and arrays."""
        container = nw.from_native(y, eager_only=True, allow_series=True, pass_through=True)
        if isinstance(container, nw.DataFrame):
            if len(container.columns) > 1:
                return None
            (name,) = container.columns
            native = container.get_column(name).to_native()
        elif isinstance(container, nw.Series):
            name, native = getattr(y, "name", None), y
        else:
            return None
        is_frame = isinstance(container, nw.DataFrame)
        return cls(str(container.implementation), name, _describe(native), is_frame)

    def fill(self, labels):
        """Make such a container of other labels, an array of which none are missing."""
        kind = {"i": "integer", "u": "integer", "f": "real"}.get(labels.dtype.kind, "category")
        complete = np.zeros(len(labels), dtype=bool)
        values = labels.tolist() if kind == "category" else labels
        name = self.name if self.is_frame else "y"
        template = FrameTemplate(self.backend, [name], [self.dtype])
        frame = template.fill([Column(kind, values, complete)])
        if self.is_frame:
            return frame
        series = frame[name]
        if self.backend == "polars":
            return series.alias(self.name)
        return series if self.backend == "pyarrow" else series.rename(self.name)


def _describe(native):
    """Describe the dtype of a native column as plain data."""
    library = type(native).__module__.partition(".")[0]
    if library == "pyarrow":
        return _describe_arrow(native.type)
    return _describe_polars(native.dtype) if library == "polars" else _describe_pandas(native.dtype)


def _describe_pandas(dtype):
    if hasattr(dtype, "categories"):
        categories = dtype.categories
        known = _describe_pandas(categories.dtype)
        return {"categories": categories.tolist(), "of": known, "ordered": bool(dtype.ordered)}
    if hasattr(dtype, "pyarrow_dtype"):
        return {"arrow": _describe_arrow(dtype.pyarrow_dtype)}
    if hasattr(dtype, "na_value") and hasattr(dtype, "storage"):
        return {"string": dtype.storage, "is_nan": dtype.na_value is np.nan}
    return str(dtype)


def _describe_polars(dtype):
    name = str(dtype.base_type())
    if name == "Enum":
        return {"enum": dtype.categories.to_list()}
    if name == "Decimal":
        return {"decimal": [dtype.precision, dtype.scale]}
    return name


def _describe_arrow(dtype):
    import pyarrow as pa

    if pa.types.is_dictionary(dtype):
        index, value = _describe_arrow(dtype.index_type), _describe_arrow(dtype.value_type)
        return {"dictionary": [index, value], "ordered": dtype.ordered}
    if pa.types.is_decimal(dtype):
        return {"decimal": [dtype.precision, dtype.scale], "bits": dtype.bit_width}
    return str(dtype)


def _pandas_dtype(pandas, described):
    if not isinstance(described, dict):
        return described
    if "categories" in described:
        categories = pandas.Index(
            described["categories"], dtype=_pandas_dtype(pandas, described["of"])
        )
        return pandas.CategoricalDtype(categories, described["ordered"])
    if "arrow" in described:
        return pandas.ArrowDtype(_arrow_dtype(described["arrow"]))
    na_value = np.nan if described["is_nan"] else pandas.NA
    return pandas.StringDtype(described["string"], na_value=na_value)


def _polars_dtype(polars, described):
    if not isinstance(described, dict):
        return getattr(polars, described)
    if "enum" in described:
        return polars.Enum(described["enum"])
    return polars.Decimal(*described["decimal"])


def _arrow_dtype(described):
    import pyarrow as pa

    if not isinstance(described, dict):
        return pa.type_for_alias(described)
    if "dictionary" in described:
        index, value = map(_arrow_dtype, described["dictionary"])
        return pa.dictionary(index, value, described["ordered"])
    return getattr(pa, f"decimal{described['bits']}")(*described["decimal"])


def _fill_pandas(pandas, column, described):
    dtype = _pandas_dtype(pandas, described)
    if isinstance(described, dict) and "arrow" in described:
        values = _python_values(column, described["arrow"])
        return pandas.Series(pandas.array(values, dtype=dtype))
    if column.kind == "category":
        return pandas.Series(column.values, dtype=object).astype(dtype)
    values = pandas.Series(column.values).astype(dtype)
    if column.missing.any():
        values[column.missing] = None
    return values


def _fill_polars(polars, column, described):
    values = column.values
    if _precision_and_scale(described) or column.missing.any():
        values = _python_values(column, described)
    dtype = _polars_dtype(polars, described)
    return polars.Series(values, strict=False).cast(dtype)


def _fill_arrow(pyarrow, column, described):
    return arrow_array(_python_values(column, described), _arrow_dtype(described))


def arrow_array(values, dtype):
    """Make an array of pyarrow of Python's values, also of dictionary types."""
    import pyarrow as pa

    if not pa.types.is_dictionary(dtype):
        return pa.array(values, type=dtype)
    return pa.array(values, type=dtype.value_type).dictionary_encode().cast(dtype)


def _precision_and_scale(described):
    """Return (precision, scale) of a description of decimals, None of others."""
    return described.get("decimal") if isinstance(described, dict) else None


def _python_values(column, described):
    """Return the values as Python objects, None where missing."""
    if column.kind == "category":
        return column.values
    values, decimal = column.values.tolist(), _precision_and_scale(described)
    if decimal is not None:
        values = [_to_decimal(value, *decimal) for value in values]
    return [None if gap else value for value, gap in zip(values, column.missing, strict=True)]


def _to_decimal(value, precision, scale):
    """Round a number to a decimal of so many digits, so many of them after the point."""
    with localcontext(prec=precision + 2):
        return Decimal(0 if np.isnan(value) else value).quantize(Decimal(1).scaleb(-scale))
