"""Mixed tables: as points for the other measures, and a report of how good a synthetic one is."""

import numbers
from collections import Counter

import numpy as np
from scipy import stats
from scipy.stats.contingency import association
from sklearn.base import clone, is_regressor
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import get_scorer

from skgal.metrics._fidelity import check_points, memorization_ratio
from skgal.utils import (
    TableColumn,
    as_samples,
    check_pandas_support,
    is_frame,
    is_missing,
    is_mixed,
    is_net,
    last_step,
    read_array_column,
    read_table,
)

# A numeric target with more distinct values than these is a quantity, not a class.
_MAX_CLASSES = 20
# Categories of a column that are told apart; a column of unique names has one for each row.
_MAX_CATEGORIES = 50


def to_points(real, *others, extractor=None):
    """Turn samples of any kind into points whose Euclidean distances mean something.

    Images are flattened, arrays of numbers stay as they are. Of a table (a DataFrame, or an array
    with gaps or categories), each column counts alike: a number becomes its rank among the real
    values, from 0 to 1; a category becomes one column for each value, so that two different values
    are 1 apart (the 50 most frequent are told apart, others are one); and a column with missing
    values gets one more, which says so.

    Parameters
    ----------
    real : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
        The samples from which ranks are learnt; frames of pandas, polars or pyarrow.
    *others : like ``real``
        Samples to be put into the same space, in the same layout.
    extractor : callable or fitted transformer, default=None
        What makes features of samples, a network's embedding for instance; None: as above.

    Returns
    -------
    list of ndarray of shape (n_samples, n_points), dtype float64
        One for each argument.

    Raises
    ------
    ValueError
        If a table lacks a column of ``real``, arrays differ in width or hold NaN.

    See Also
    --------
    skgal.features.feature_extractor : Features of a network.
    compare_tables : Compares tables in them.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgal.metrics import to_points
    >>> real = pd.DataFrame({"age": [20, 30, 60, 70], "job": ["x", "y", "x", "y"]})
    >>> synthetic = pd.DataFrame({"age": [99], "job": ["x"]})
    >>> real_points, points = to_points(real, synthetic)
    >>> points.round(2).tolist()
    [[1.0, 0.71, 0.0]]
    """
    samples = (real, *others)
    if extractor is not None:
        extract = getattr(extractor, "transform", extractor)
        samples = [np.asarray(extract(each)) for each in samples]
    else:
        samples = [as_samples(each) for each in samples]
        if is_frame(samples[0]):
            return _table_points([read_table(each, samples[0]) for each in samples])
        if is_mixed(samples[0]):
            return _table_points([_read_rows(each, samples[0]) for each in samples])
    return check_points(1, **{f"sample {i}": each for i, each in enumerate(samples)})


def association_matrix(table):
    """Strength of the association of each pair of columns of a mixed table.

    Spearman's correlation of two numeric columns, in [-1, 1]; Cramér's V of two categorical
    ones, in [0, 1]; of one of each the correlation ratio of the ranks, in [0, 1]. Missing
    numbers take the middle rank; a missing category is one of its own, and so are all categories
    beyond the 50 most frequent.

    Parameters
    ----------
    table : DataFrame
        Of pandas, polars or pyarrow.

    Returns
    -------
    DataFrame of pandas, of shape (n_columns, n_columns)
        Symmetric, 1 on the diagonal; 0 where a column is constant.

    See Also
    --------
    compare_tables : Compares two of them.
    skgal.inspection.TableDisplay : Draws two of them.

    References
    ----------
    H. Cramér, "Mathematical methods of statistics", 1946, chapter 21; R. A. Fisher,
    "Statistical methods for research workers", 1925, chapter 8, for the correlation ratio.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgal.metrics import association_matrix
    >>> table = pd.DataFrame({"x": [1, 2, 3, 4], "y": [8, 6, 4, 2], "z": ["a", "a", "b", "b"]})
    >>> association_matrix(table).round(2).values.tolist()
    [[1.0, -1.0, 0.89], [-1.0, 1.0, 0.89], [0.89, 0.89, 1.0]]
    """
    pandas = check_pandas_support("association_matrix")
    columns = read_table(table, table)
    return pandas.DataFrame(_associations_of(columns), index=list(columns), columns=list(columns))


def compare_tables(
    real,
    synthetic,
    *,
    held_out=None,
    target=None,
    estimator=None,
    constraints=None,
    random_state=0,
):
    """Report how good a synthetic table is.

    Each number stands beside a reference: what the same measure says of held-out real rows,
    which no synthetic table can be expected to better.

    Parameters
    ----------
    real : DataFrame
        The rows that the generator was fitted to, of pandas, polars or pyarrow.
    synthetic : DataFrame
        Generated rows with the same columns.
    held_out : DataFrame, default=None
        Real rows that the generator was not fitted to; needed for the references, for
        memorisation and usefulness.
    target : str, default=None
        A column to be predicted from the others, to see how useful the table is.
    estimator : classifier or regressor, default=None
        What predicts the target, from the points of `to_points`. None: gradient-boosted trees,
        which take a numeric target with more than 20 values for a quantity. A skorch net comes as
        ``skgal.classifiers.AnyEstimator(net)``, which gives it labels and points as it needs them.
    constraints : dict of str to callable, default=None
        Rules that rows should keep: by name, a function of a table that returns a boolean for
        each row, True where the rule is kept.
    random_state : int, default=0
        Of the default estimator.

    Returns
    -------
    DataFrame of pandas
        One row for each number, with the columns

        - ``aspect`` and ``measure``: "marginal" ("ks_statistic" of a numeric column, the
          largest difference of the distribution functions; "total_variation" of a categorical
          one; "missing_rate", the absolute difference), "association" ("mean_error", mean
          absolute difference of the column's associations with the others, see
          `association_matrix`), "memorization" ("ratio", see `memorization_ratio`;
          "copied_rows", the share of rows that are equal to a real one), "usefulness"
          ("balanced_accuracy" or "r2" on held-out rows, of an estimator trained on the synthetic
          rows), "constraint" ("violations", share of rows);
        - ``column``: which column, or constraint; "all" for the mean over columns and for what
          concerns whole rows;
        - ``value``: of the synthetic table;
        - ``reference``: of the held-out rows; of "usefulness" the score after training on the
          real rows, of "constraint" the violations among real rows. NaN without held-out rows.

    Raises
    ------
    ValueError
        If a table lacks a column of ``real``, has two of one name, or one of lists, or of times
        where ``real`` has other values; or ``target`` is given without ``held_out``, is the only
        column, or has no values in a table.
    TypeError
        If ``estimator`` is a bare skorch net.

    See Also
    --------
    association_matrix : Associations of one table.
    skgal.inspection.TableDisplay : Draws both tables.

    References
    ----------
    K. Shmelkov, C. Schmid, K. Alahari, "How good is my GAN?", ECCV 2018, for training on
    synthetic and testing on real data.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgal.metrics import compare_tables
    >>> real = pd.DataFrame({"hours": [10, 20, 30, 40], "job": ["a", "a", "b", "b"]})
    >>> synthetic = pd.DataFrame({"hours": [10, 20, 90, 95], "job": ["a", "a", "a", "b"]})
    >>> report = compare_tables(real, synthetic, constraints={"week": lambda t: t["hours"] <= 80})
    >>> report[["aspect", "column", "measure", "value"]].round(2).head(3)
         aspect column          measure  value
    0  marginal  hours     ks_statistic   0.50
    1  marginal    job  total_variation   0.25
    2  marginal    all             mean   0.38
    >>> report.iloc[-1].value
    np.float64(0.5)
    """
    pandas = check_pandas_support("compare_tables")
    if target is not None and held_out is None:
        raise ValueError(
            "target needs held_out: usefulness is the score on real rows that neither the "
            "generator nor the estimator has seen."
        )
    if is_net(last_step(estimator)):
        # Scores lie below classifiers, where nets are fitted: setup.cfg.
        raise TypeError(
            "A skorch net doesn't take labels of any kind, and needs its own dtype: pass "
            "estimator=skgal.classifiers.AnyEstimator(net), which handles both."
        )
    tables = {"real": real, "synthetic": synthetic, "held_out": held_out}
    columns = {name: read_table(table, real) for name, table in tables.items() if table is not None}
    if target is not None and target not in columns["real"]:
        raise ValueError(f"target must be one of {list(columns['real'])}, got {target!r}.")
    if target is not None and len(columns["real"]) == 1:
        raise ValueError(f"target {target!r} is the only column; none is left to predict it from.")
    rows = [*_marginals(columns), *_associations(columns)]
    if held_out is not None:
        rows += _memorization(columns)
    if target is not None:
        rows.append(_usefulness(columns, target, estimator, random_state))
    for name, keeps in (constraints or {}).items():
        violated = [
            1 - np.mean(np.asarray(keeps(table), dtype=bool)) for table in (synthetic, real)
        ]
        rows.append(("constraint", name, "violations", *violated))
    return pandas.DataFrame(rows, columns=["aspect", "column", "measure", "value", "reference"])


def _read_rows(rows, template):
    """Return the columns of an array, by position, of the kinds of a template's."""
    rows = np.asarray(rows, dtype=template.dtype)
    if rows.shape[1:] != template.shape[1:]:
        raise ValueError(
            f"Samples must have the same columns; some have {template.shape[1]}, and others shape "
            f"{rows.shape}."
        )
    columns = {}
    for position, column in enumerate(rows.T):
        is_numeric = read_array_column(template[:, position]).kind != "category"
        missing = is_missing(column)
        values = np.where(missing, np.nan if is_numeric else None, column)
        values = values.astype(np.float64 if is_numeric else object)
        columns[position] = TableColumn(is_numeric, values)
    return columns


def _table_points(tables):
    """Return the points of tables whose columns were read; ranks are those of the first."""
    points = [[] for _ in tables]
    for name, real in tables[0].items():
        values = [table[name].values for table in tables]
        if real.is_numeric:
            known = np.sort(real.values[~np.isnan(real.values)])
            encoded = [_ranks(known, each) for each in values]
            if any(np.isnan(each).any() for each in values):
                encoded = [
                    np.column_stack([ranks, np.isnan(each)])
                    for ranks, each in zip(encoded, values, strict=True)
                ]
        else:
            codes = _codes(*values)
            indicators = np.eye(max(code.max() for code in codes) + 1) / np.sqrt(2)
            encoded = [indicators[code] for code in codes]
        for matrix, columns in zip(encoded, points, strict=True):
            columns.append(matrix)
    return [np.column_stack(columns).astype(np.float64) for columns in points]


def _ranks(known, values):
    """Return the ranks, from 0 to 1, of values among sorted known ones; 0.5 where missing."""
    below, up_to = (np.searchsorted(known, values, side=side) for side in ("left", "right"))
    ranks = (below + up_to) / (2 * max(len(known), 1))
    return np.where(np.isnan(values), 0.5, ranks)


def _marginals(columns):
    """Compare each column's distribution with that of the real one."""
    rows, distances = [], []
    others = [columns["synthetic"], columns.get("held_out")]
    for name, real in columns["real"].items():
        measure = "ks_statistic" if real.is_numeric else "total_variation"
        pair = [_distance(real, other and other[name]) for other in others]
        rows.append(("marginal", name, measure, *pair))
        distances.append(pair)
        rates = [_missing_rate(real), *(_missing_rate(other and other[name]) for other in others)]
        if real.is_numeric and np.nansum(rates) > 0:
            differences = [abs(rate - rates[0]) for rate in rates[1:]]
            rows.append(("marginal", name, "missing_rate", *differences))
    means = np.ma.masked_invalid(distances).mean(axis=0).filled(np.nan)
    return [*rows, ("marginal", "all", "mean", *means)]


def _distance(real, other):
    """Return the distance of two columns' distributions, in [0, 1]; NaN where one is not there."""
    if other is None:
        return np.nan
    if real.is_numeric:
        samples = [column.values[~np.isnan(column.values)] for column in (real, other)]
        if not all(map(len, samples)):
            return np.nan if not any(map(len, samples)) else 1.0
        return float(stats.ks_2samp(*samples, method="asymp").statistic)
    values = dict.fromkeys([*real.values, *other.values])
    shares = [
        np.array([np.mean(column.values == value) for value in values]) for column in (real, other)
    ]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _missing_rate(column):
    """Return the share of missing values; NaN where the column is not there."""
    if column is None:
        return np.nan
    missing = np.isnan(column.values) if column.is_numeric else np.equal(column.values, None)
    return float(np.mean(missing))


def _associations(columns):
    """Compare each column's associations with the other columns."""
    names = list(columns["real"])
    if len(names) < 2:
        return []
    real, errors = _associations_of(columns["real"]), []
    for name in ("synthetic", "held_out"):
        error = np.full(len(names), np.nan)
        if name in columns:
            differences = np.abs(_associations_of(columns[name]) - real)
            error = differences.sum(axis=1) / (len(names) - 1)
        errors.append(error)
    rows = [
        ("association", name, "mean_error", *pair)
        for name, *pair in zip(names, *errors, strict=True)
    ]
    return [*rows, ("association", "all", "mean_error", *np.mean(errors, axis=1))]


def _associations_of(columns):
    """Return the associations of each pair of columns that were read."""
    coded = [
        column._replace(
            values=_centred_ranks(column.values) if column.is_numeric else _codes(column.values)[0]
        )
        for column in columns.values()
    ]
    matrix = np.eye(len(coded))
    for i, first in enumerate(coded):
        for j, second in enumerate(coded[:i]):
            matrix[i, j] = matrix[j, i] = _association(first, second)
    return matrix


def _association(first, second):
    """Return the association of two columns, whose values are ranks or codes."""
    if first.is_numeric and second.is_numeric:
        scale = np.sqrt((first.values @ first.values) * (second.values @ second.values))
        return float(first.values @ second.values / scale) if scale > 0 else 0.0
    if not first.is_numeric and not second.is_numeric:
        table = np.zeros((first.values.max() + 1, second.values.max() + 1), dtype=int)
        np.add.at(table, (first.values, second.values), 1)
        return float(association(table, method="cramer")) if min(table.shape) > 1 else 0.0
    number, category = (first, second) if first.is_numeric else (second, first)
    total = number.values @ number.values
    sums = np.bincount(category.values, weights=number.values)
    counts = np.bincount(category.values)
    return float(np.sqrt(np.sum(sums**2 / counts) / total)) if total > 0 else 0.0


def _centred_ranks(values):
    """Return ranks whose mean is 0; 0 where missing."""
    ranks = stats.rankdata(values, nan_policy="omit")
    return np.nan_to_num(ranks - np.nanmean(ranks)) if np.any(~np.isnan(ranks)) else 0 * values


def _codes(*columns):
    """Return categories as integers from 0, the most frequent first and the rarest as one."""
    counts = Counter(value for values in columns for value in values)
    code = {value: i for i, (value, _) in enumerate(counts.most_common(_MAX_CATEGORIES))}
    return [np.array([code.get(value, len(code)) for value in values]) for values in columns]


def _memorization(columns):
    """Tell whether rows were copied."""
    real, synthetic, held_out = _table_points(list(columns.values()))
    ratio = memorization_ratio(real, synthetic, held_out)
    known = _as_tuples(columns["real"])
    copied = [
        np.mean([row in known for row in _as_tuples(columns[name], list)])
        for name in ("synthetic", "held_out")
    ]
    return [
        ("memorization", "all", "ratio", ratio, 1.0),
        ("memorization", "all", "copied_rows", *copied),
    ]


def _as_tuples(columns, container=set):
    """Return the rows as tuples, with None for what is missing."""
    values = [
        [None if isinstance(v, numbers.Real) and v != v else v for v in column.values.tolist()]
        for column in columns.values()
    ]
    return container(zip(*values, strict=True))


def _usefulness(columns, target, estimator, random_state):
    """Train on the synthetic rows, and on the real ones for reference; test on held-out rows."""
    labels = {name: table[target] for name, table in columns.items()}
    is_known = {
        name: ~(np.isnan(column.values) if column.is_numeric else is_missing(column.values))
        for name, column in labels.items()
    }
    for name, known in is_known.items():
        if not known.any():
            raise ValueError(f"target {target!r} has no values in the {name} table.")
    points = _table_points(
        [{n: c for n, c in table.items() if n != target} for table in columns.values()]
    )
    points = dict(zip(columns, points, strict=True))
    real = labels["real"]
    if estimator is None:
        known = real.values[is_known["real"]]
        is_quantity = real.is_numeric and len(np.unique(known)) > _MAX_CLASSES
        default = HistGradientBoostingRegressor if is_quantity else HistGradientBoostingClassifier
        estimator = default(random_state=random_state)
    measure = "r2" if is_regressor(estimator) else "balanced_accuracy"
    data = {}
    for name, column in labels.items():
        y = column.values[is_known[name]]
        data[name] = points[name][is_known[name]], y if is_regressor(estimator) else y.astype(str)
    scores = []
    for name in ("synthetic", "real"):
        X, y = data[name]
        # Where a generator draws one class only, a classifier can only learn to predict it.
        model = clone(estimator) if len(np.unique(y)) > 1 else DummyClassifier()
        scores.append(get_scorer(measure)(model.fit(X, y), *data["held_out"]))
    return ("usefulness", target, measure, *scores)
