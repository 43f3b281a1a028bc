"""The contract of resamplers, as checks that anyone can run on their own."""

import pickle
import warnings
from collections import Counter

import numpy as np
from scipy.sparse import csr_array

from skgal.testing._runner import (
    Specimen,
    check_clone,
    check_global_random_state,
    images,
    list_checks,
    require,
    run_checks,
    table,
)


def resampler_checks(resampler):
    """List the checks of a resampler, for ``pytest.mark.parametrize`` for example.

    Each has a name of its own in the report of the tests.

    Parameters
    ----------
    resampler : resampler
        As for :func:`check_resampler`.

    Returns
    -------
    list of (str, callable)
        Name and check; a check takes no argument and raises if the promise is broken.

    See Also
    --------
    check_resampler : All at once.

    Examples
    --------
    >>> from imblearn.over_sampling import RandomOverSampler
    >>> from skgal.testing import resampler_checks
    >>> checks = dict(resampler_checks(RandomOverSampler()))
    >>> checks["check_quotas"]()
    """
    return list_checks(_CHECKS, ResamplerSpecimen(resampler))


def check_resampler(resampler, *, expected_failures=None):
    """Check that an over-sampler keeps the promises of all resamplers.

    Among them: each class has just as many samples as ``sampling_strategy`` says, in all of its
    forms; the original samples come first; tables, images, lists and DataFrames come back as
    what they were; a seed decides everything, and the global random states nothing; a class of
    one sample is filled up, with a warning; a report adds up.

    It resamples about thirty times, 30 samples: pass one whose generator makes few updates.
    ``parametrize_with_checks`` of imbalanced-learn and scikit-learn are for what these expect of
    any estimator.

    Parameters
    ----------
    resampler : resampler
        It is cloned, and never changed. If ``random_state`` is a parameter of its and None, the
        clones get one.
    expected_failures : dict from str to str, default=None
        Names of checks that must fail, each with the reason why that is all right.

    Raises
    ------
    AssertionError
        If a promise is broken, or one is kept that was expected to be broken.
    Exception
        Whatever the resampler itself raises. A note names the check.

    See Also
    --------
    resampler_checks : The same checks one by one.
    skgal.resampling.GeneratorOverSampler : Keeps the contract.

    Examples
    --------
    >>> from imblearn.over_sampling import RandomOverSampler
    >>> from skgal.testing import check_resampler
    >>> check_resampler(
    ...     RandomOverSampler(),
    ...     expected_failures={
    ...         "check_layout_of_images": "imbalanced-learn takes two dimensions",
    ...         "check_containers": "and no polars",
    ...         "check_few_samples": "repeating them asks for no warning",
    ...     },
    ... )
    """
    run_checks(resampler_checks(resampler), type(resampler).__name__, expected_failures)


_COUNTS = {"ant": 14, "bee": 9, "cat": 7}
_N_SAMPLES = sum(_COUNTS.values())


class ResamplerSpecimen(Specimen):
    """A resampler under test."""

    def use(self):
        """Have a fresh clone resample."""
        self.resample()

    def resample(self, X=None, y=None, **params):
        """Have a fresh clone resample samples, or a table of numbers."""
        X, y = table() if X is None else X, labels() if y is None else y
        with warnings.catch_warnings():
            # That there are few samples is so; a check of its own asks for the warning.
            warnings.simplefilter("ignore")
            return self.clone(**params).fit_resample(X, y)


def labels():
    """Labels of three classes of different frequency, strings, in no order."""
    y = np.repeat(list(_COUNTS), list(_COUNTS.values()))
    return np.random.RandomState(1).permutation(y)


def one_bee_more(y):
    """Make a sampling strategy from labels."""
    return {"bee": Counter(y.tolist())["bee"] + 1}


def check_quotas(specimen):
    """Each class has just as many samples as the sampling strategy says, in all of its forms."""
    full = max(_COUNTS.values())
    for strategy, wanted in (
        ("auto", dict.fromkeys(_COUNTS, full)),
        ("all", dict.fromkeys(_COUNTS, full)),
        ("minority", _COUNTS | {"cat": full}),
        ("not minority", _COUNTS | {"bee": full}),
        ({"ant": 20, "cat": 7}, _COUNTS | {"ant": 20}),
        (one_bee_more, _COUNTS | {"bee": _COUNTS["bee"] + 1}),
    ):
        X, y = specimen.resample(sampling_strategy=strategy)
        got = dict(Counter(np.asarray(y).tolist()))
        require(
            got == wanted and len(X) == len(y),
            f"{specimen.name} with sampling_strategy={strategy!r} returned {got} for {wanted}.",
        )


def check_originals_first(specimen):
    """The original samples come first, as they are and in their order."""
    X, y = specimen.resample()
    require(
        np.array_equal(X[:_N_SAMPLES], table()) and np.array_equal(y[:_N_SAMPLES], labels()),
        f"{specimen.name} returned other rows first than those that it was given.",
    )


def check_layout_of_tables(specimen):
    """New samples have the columns and the dtype of the table, labels the dtype of y."""
    for dtype in (np.float64, np.float32, np.int64):
        _require_layout(specimen, table().astype(dtype), labels())
    _require_layout(specimen, table(), np.unique(labels(), return_inverse=True)[1].astype(np.int32))


def check_layout_of_images(specimen):
    """New samples have the shape, the dtype and the range of images in four dimensions."""
    X = _require_layout(specimen, images(), labels())
    require(
        X.min() >= images().min() and X.max() <= images().max(),
        f"{specimen.name} returned pixels from {X.min()} to {X.max()}; those it was given lie "
        f"between {images().min()} and {images().max()}.",
    )


def check_containers(specimen):
    """Lists come back as lists, and DataFrames of pandas or polars as such."""
    X, y = specimen.resample(table().tolist(), labels().tolist())
    require(
        isinstance(X, list) and isinstance(y, list),
        f"{specimen.name} was given lists, and returned {type(X).__name__}, {type(y).__name__}.",
    )
    for module in _frame_libraries():
        frame = module.DataFrame(dict(zip("abcd", table().T, strict=True)))
        X, y = specimen.resample(frame, module.Series(labels()))
        require(
            isinstance(X, module.DataFrame) and isinstance(y, module.Series),
            f"{specimen.name} was given a DataFrame and a Series of {module.__name__}, and "
            f"returned {type(X)}, {type(y)}.",
        )
        require(
            list(X.columns) == list("abcd") and list(X.dtypes) == list(frame.dtypes),
            f"{specimen.name} returned the columns {list(X.columns)} of dtypes {list(X.dtypes)}.",
        )


def check_seed(specimen):
    """A seed decides everything; another seed makes other samples."""
    if "random_state" not in specimen.estimator.get_params(deep=False):
        return
    first, again, other = (specimen.resample(random_state=seed)[0] for seed in (3, 3, 4))
    require(
        np.array_equal(first, again),
        f"{specimen.name} makes other samples when it is asked again with the same random_state.",
    )
    require(
        not np.array_equal(first, other),
        f"{specimen.name} makes the same samples whatever its random_state.",
    )


def check_inputs_unchanged(specimen):
    """Neither samples nor labels are changed, nor is a parameter."""
    X, y = table(), labels()
    resampler = specimen.clone()
    before = repr(resampler.get_params())
    resampler.fit_resample(X, y)
    require(
        np.array_equal(X, table()) and np.array_equal(y, labels()),
        f"{specimen.name}.fit_resample changed what it was given.",
    )
    require(
        repr(resampler.get_params()) == before,
        f"{specimen.name} had the parameters {before}, and afterwards {resampler.get_params()}.",
    )


def check_pickling(specimen):
    """A fitted resampler comes out of pickle, with what it has learnt."""
    resampler = specimen.clone()
    resampler.fit_resample(table(), labels())
    revived = pickle.loads(pickle.dumps(resampler))
    require(
        set(vars(revived)) == set(vars(resampler))
        and revived.sampling_strategy_ == resampler.sampling_strategy_,
        f"{specimen.name} comes out of pickle with {sorted(vars(revived))}; it went in with "
        f"{sorted(vars(resampler))}.",
    )


def check_few_samples(specimen):
    """A class of one sample is filled up as well, and a warning says that this is little."""
    y = np.array(["common"] * (_N_SAMPLES - 1) + ["rare"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, y_new = specimen.clone().fit_resample(table(), y)
    require(
        Counter(y_new.tolist())["rare"] == _N_SAMPLES - 1,
        f"{specimen.name} filled a class of one sample up to {Counter(y_new.tolist())['rare']} "
        f"instead of {_N_SAMPLES - 1}.",
    )
    require(
        any(issubclass(warning.category, UserWarning) for warning in caught),
        f"{specimen.name} filled up a class of one sample without a warning.",
    )


def check_balanced(specimen):
    """Where nothing is missing, the data come back as they are."""
    y = np.repeat(["ant", "bee"], _N_SAMPLES // 2)
    X_new, y_new = specimen.resample(table(), y)
    require(
        np.array_equal(X_new, table()) and np.array_equal(y_new, y),
        f"{specimen.name} returned {len(X_new)} samples for {_N_SAMPLES} of balanced classes.",
    )


def check_bad_input(specimen):
    """One class, several labels a sample, NaN that no tag allows and so on raise ValueError."""
    with_nan = table()
    with_nan[3, 1] = np.nan
    binary = np.repeat(["ant", "bee"], [20, 10])
    takes_nan = specimen.estimator.__sklearn_tags__().input_tags.allow_nan
    for what, X, y, strategy in (
        ("one class", table(), np.zeros(_N_SAMPLES), "auto"),
        *([] if takes_nan else [("NaN", with_nan, labels(), "auto")]),
        ("several labels a sample", table(), np.ones((_N_SAMPLES, 2), dtype=int), "auto"),
        ("a class that is not there", table(), labels(), {"dog": 20}),
        ("fewer samples than there are", table(), labels(), {"ant": 3}),
        ("a ratio below the present one", table(), binary, 0.4),
    ):
        try:
            specimen.resample(X, y, sampling_strategy=strategy)
        except ValueError:
            continue
        raise AssertionError(f"{specimen.name} was given {what}; it should raise ValueError.")


def check_sparse(specimen):
    """Sparse matrices are refused with an error, or come back as such."""
    X = csr_array(np.abs(table()))
    takes_sparse = specimen.estimator.__sklearn_tags__().input_tags.sparse
    try:
        X_new, _ = specimen.resample(X)
    except (TypeError, ValueError):
        require(not takes_sparse, f"{specimen.name} has the tag sparse, and refuses such.")
        return
    require(hasattr(X_new, "tocsr"), f"{specimen.name} made a {type(X_new)} of a sparse matrix.")


def check_report(specimen):
    """A report, where there is one, has a row for each class, and its numbers are right."""
    resampler = specimen.clone()
    resampler.fit_resample(table(), labels())
    if not hasattr(resampler, "report_"):
        return
    report = resampler.report_
    require(
        report.index.tolist() == list(_COUNTS),
        f"{specimen.name}.report_ has the rows {report.index.tolist()} for {list(_COUNTS)}.",
    )
    added = report["accepted"] + report.get("topped_up", 0)
    wanted = [resampler.sampling_strategy_.get(label, 0) for label in _COUNTS]
    require(
        added.tolist() == wanted,
        f"{specimen.name}.report_ counts {added.tolist()} samples added; there were {wanted}.",
    )
    others = report.filter(like="rejected").sum(axis=1) + report.get("surplus", 0)
    require(
        (report["generated"] == report["accepted"] + others).all(),
        f"{specimen.name}.report_ does not add up: generated must be the accepted, rejected and "
        "surplus ones.",
    )


def _require_layout(specimen, X, y):
    X_new, y_new = specimen.resample(X, y)
    require(
        X_new.shape[1:] == X.shape[1:] and X_new.dtype == X.dtype and y_new.dtype == y.dtype,
        f"{specimen.name} was given samples of shape {X.shape[1:]}, {X.dtype} and labels of "
        f"{y.dtype}; it returned {X_new.shape[1:]}, {X_new.dtype} and {y_new.dtype}.",
    )
    return X_new


def _frame_libraries():
    """Import what there is of pandas and polars; none of them is required."""
    libraries = []
    for name in ("pandas", "polars"):
        try:
            libraries.append(__import__(name))
        except ImportError:
            continue
    return libraries


_CHECKS = (
    check_clone,
    check_quotas,
    check_originals_first,
    check_layout_of_tables,
    check_layout_of_images,
    check_containers,
    check_seed,
    check_inputs_unchanged,
    check_global_random_state,
    check_pickling,
    check_few_samples,
    check_balanced,
    check_bad_input,
    check_sparse,
    check_report,
)
