"""Warnings that point at the user's line, however deep in libraries they are given."""

import sys
import warnings
from contextvars import ContextVar
from functools import wraps

from skgal.utils._sklearn import _fit_context as _checked

# What was said by `warn_user_once` since the outermost fit began; None outside of any.
_said = ContextVar("said", default=None)

_LIBRARIES = {
    "contextlib",
    "imblearn",
    "joblib",
    "skgal",
    "sklearn",
    "skorch",
    "threading",
    "torch",
}


def warn_user(message, category):
    """Warn at the innermost line of code outside of libraries.

    A fixed ``stacklevel`` is wrong as soon as a Pipeline or a search is in between.

    Parameters
    ----------
    message : str
    category : type
        A subclass of Warning.
    """
    level, frame = 1, sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _LIBRARIES:
            break
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def warn_user_once(message, category):
    """Warn, but once in a call of `fit` by the user, whatever is fitted to the same data in it."""
    said = _said.get()
    if said is None or message not in said:
        warn_user(message, category)
    if said is not None:
        said.add(message)


def _fit_context(*, prefer_skip_nested_validation):
    """Decorate a `fit` as scikit-learn's `_fit_context` does, for `warn_user_once` as well."""

    def decorate(fit):
        checked = _checked(prefer_skip_nested_validation=prefer_skip_nested_validation)(fit)

        @wraps(fit)
        def wrapped(estimator, *args, **kwargs):
            if _said.get() is not None:
                return checked(estimator, *args, **kwargs)
            token = _said.set(set())
            try:
                return checked(estimator, *args, **kwargs)
            finally:
                _said.reset(token)

        return wrapped

    return decorate
