"""The private names of scikit-learn that skgal uses: all of them, and only here.

A release of scikit-learn may move them without notice; this is where to look then. Besides
imports, estimators rely on three private attributes of its base classes, which developers of
estimators are told about in its documentation: `_parameter_constraints`, `_doc_link_module` and
`_doc_link_template`.
"""

# Decorator of `fit`: validates parameters, and lets callbacks and nested fits skip it.
from sklearn.base import _fit_context

# Rows of anything: arrays, lists, sparse matrices, pandas and polars frames.
from sklearn.utils import _safe_indexing

# pandas.NA without importing pandas.
from sklearn.utils._missing import is_pandas_na

# "... requires matplotlib. You can install it with ...", as scikit-learn itself says it.
from sklearn.utils._optional_dependencies import check_matplotlib_support, check_pandas_support

# What a parameter may be, in the words that scikit-learn's errors have; for functions and for
# classes that are no estimators, too.
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)

# Refuses parameters of `fit` where metadata routing is off, with scikit-learn's message.
from sklearn.utils.metadata_routing import _raise_for_params

# Takes the rows of a fold from every parameter of `fit` that has one for each sample; and, for
# `available_if`, whether an inner estimator has a method, the fitted one where there is one.
from sklearn.utils.validation import _check_method_params, _estimator_has

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "_check_method_params",
    "_estimator_has",
    "_fit_context",
    "_raise_for_params",
    "_safe_indexing",
    "check_matplotlib_support",
    "check_pandas_support",
    "is_pandas_na",
    "validate_parameter_constraints",
    "validate_params",
]
