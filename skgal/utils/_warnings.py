"""Warnings that point at the user's line, however deep in libraries they are given."""

import sys
import warnings

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
