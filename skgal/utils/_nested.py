"""What is inside an estimator, and how objects that are none are printed."""

from copy import deepcopy
from inspect import signature
from reprlib import Repr

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skgal.utils._frames import is_frame


def unwrap(model, X=None):
    """Find the model that predicts, inside Pipelines, searches and ``FrozenEstimator``s.

    X, if given, is returned as that model sees it: after the transformers of the Pipelines.
    """
    while True:
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        elif hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif isinstance(model, Pipeline):
            for _, step in model.steps[:-1] if X is not None else ():
                # Samplers of imbalanced-learn are for training only.
                if step not in (None, "passthrough") and not hasattr(step, "fit_resample"):
                    X = step.transform(unshared(step, X))
            model = model[-1]
        else:
            return model, X


def resolve_component(given, parameter, kinds, base):
    """Make the component that an argument names, or a validated copy of the one passed."""
    if isinstance(given, str):
        if given not in kinds:
            raise ValueError(
                f"{parameter} must be one of {sorted(kinds)} or an instance of {base.__name__}, "
                f"got {given!r}."
            )
        return kinds[given]()
    if not isinstance(given, base):
        raise TypeError(
            f"{parameter} must be a name or an instance of {base.__name__}, got {given!r} of type "
            f"{type(given).__name__}."
        )
    component = clone(given)
    component._validate_params()
    return component


def nets_in(estimator):
    """Find the skorch nets in an estimator, itself included."""
    if is_net(estimator):
        return [estimator]
    if not hasattr(estimator, "get_params"):
        return []
    return [value for value in estimator.get_params().values() if is_net(value)]


def is_net(value):
    """Tell whether a value is a skorch net itself, not a search or an ensemble of nets."""
    return any(cls.__module__ == "skorch.net" for cls in type(value).__mro__)


def last_step(estimator):
    """Return the last step of a Pipeline, nested ones included; of another estimator itself."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator


class PrintedParameters:
    """Mixin of objects that are no estimators: printed with the parameters that were set."""

    def __repr__(self):
        """Return the class and its parameters, long ones cut short."""
        shown = []
        for name, parameter in signature(type(self)).parameters.items():
            value = getattr(self, name)
            if value is not parameter.default:
                text = getattr(value, "__qualname__", None) or _brief.repr(value)
                shown.append(f"{name}={text}")
        return f"{type(self).__name__}({', '.join(shown)})"


class _Brief(Repr):
    """Values on one line; arrays and tables by their shape."""

    def repr1(self, value, level):
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple) and shape:
            return f"<{type(value).__name__} of shape {shape}>"
        return " ".join(super().repr1(value, level).split())


_brief = _Brief()
_brief.maxother = 200


def accepts_nan(estimator):
    """Tell whether NaN may get as far as the estimator; it may still refuse it."""
    # What later steps and the parts of a ColumnTransformer see is known only after fitting.
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[0][1]
    if isinstance(estimator, ColumnTransformer | str):
        return True
    tags = get_tags(estimator)
    return tags.input_tags.allow_nan or tags.no_validation


def unshared(estimator, X):
    """Copy samples for an estimator that overwrites what it is given: one with ``copy=False``."""
    # Such as StandardScaler(copy=False) in a Pipeline. Samples are kept, and read again, by
    # whoever passes them on: the next round's model, the store, another member of an ensemble.
    if not (isinstance(X, np.ndarray) or issparse(X) or is_frame(X)):
        return X
    params = estimator.get_params() if hasattr(estimator, "get_params") else {}
    overwrites = any(
        value is False and name.rpartition("__")[2] in ("copy", "copy_X")
        for name, value in params.items()
    )
    return deepcopy(X) if overwrites else X
