"""One runner for the checks of generators, resamplers and query strategies.

A check is a function of a :class:`Specimen`; the first line of its docstring is the promise that it
checks. Each family has a file: its specimen, its checks, and the two public functions.
"""

import pickle
import sys
from functools import partial
from io import BytesIO

import numpy as np
from sklearn.base import clone


class Specimen:
    """An estimator under test, never fitted itself, nor changed; a family says how it is used."""

    def __init__(self, estimator):
        self.estimator = estimator

    @property
    def name(self):
        """The name of the estimator's class, for messages."""
        return type(self.estimator).__name__

    def clone(self, **params):
        """Make a clone with a seed."""
        estimator = clone(self.estimator).set_params(**params)
        if estimator.get_params(deep=False).get("random_state", "none of its own") is None:
            estimator.set_params(random_state=0)
        return estimator

    def use(self):
        """Have a fresh clone do its work once."""
        raise NotImplementedError


def table(n_samples=30):
    """Numbers, in columns of different ranges, one of them constant."""
    return np.random.RandomState(0).normal(size=(n_samples, 4)) * [1, 10, 0, 0.1] + [0, 5, 3, 0]


def images(n_samples=30):
    """Pixels, uint8, of shape (n_samples, 1, 8, 8)."""
    return np.random.RandomState(0).randint(20, 200, (n_samples, 1, 8, 8)).astype(np.uint8)


def check_clone(specimen):
    """A clone has the same parameters, and set_params takes what get_params gives."""
    params = specimen.estimator.get_params()
    copy = clone(specimen.estimator)
    require(
        repr(copy.get_params()) == repr(params),
        f"clone({specimen.name}) has the parameters {copy.get_params()}, the original {params}.",
    )
    copy.set_params(**params)


def check_global_random_state(specimen):
    """The global random states of numpy and torch are neither read nor written."""
    before = _global_random_states()
    specimen.use()
    after = _global_random_states()
    changed = [library for library in before if after[library] != before[library]]
    require(
        not changed,
        f"{specimen.name} drew from the global random state of {' and '.join(changed)}; it should "
        "draw from its random_state.",
    )


def list_checks(checks, specimen):
    """Return the names of checks, and the checks as functions without arguments."""
    return [(check.__name__, partial(check, specimen)) for check in checks]


def run_checks(checks, name, expected_failures=None):
    """Run checks one after the other; raise what breaks a promise, with a note that names it."""
    expected_failures = expected_failures or {}
    unknown = sorted(set(expected_failures) - {check_name for check_name, _ in checks})
    if unknown:
        raise ValueError(
            f"expected_failures names {unknown}, which are no checks; there are "
            f"{[check_name for check_name, _ in checks]}."
        )
    for check_name, check in checks:
        if check_name in expected_failures:
            _must_fail(check, check_name, name, expected_failures[check_name])
            continue
        try:
            check()
        except Exception as error:  # a broken promise may raise anything
            promise = check.func.__doc__.splitlines()[0]
            error.add_note(f"It breaks {check_name}: {promise}")
            raise


def _must_fail(check, check_name, name, reason):
    try:
        check()
    except Exception:  # a broken promise may raise anything
        return
    raise AssertionError(
        f"{name} was expected to fail {check_name} ({reason}), and keeps the promise; take it off "
        "expected_failures."
    )


def require(condition, message):
    """Raise AssertionError with a message unless a condition holds, ``python -O`` or not."""
    if not condition:
        raise AssertionError(message)


def require_value_error(specimen, what, function):
    """Raise AssertionError unless a call raises ValueError."""
    try:
        answer = function()
    except ValueError:
        return
    raise AssertionError(
        f"{specimen.name} was asked for {what}; it should raise ValueError, and returned {answer}."
    )


def state_of(item):
    """Comparable state of an array or estimator: equal as long as nobody changes it."""
    buffer = BytesIO()
    _ByValue(buffer).dump(item)
    return buffer.getvalue()


class _ByValue(pickle.Pickler):
    """A pickler that writes tensors by value: torch's own pickles name addresses in memory."""

    def reducer_override(self, obj):
        torch = sys.modules.get("torch")
        if torch is None or not isinstance(obj, torch.Tensor):
            return NotImplemented
        return tuple, ((str(obj.dtype), obj.tolist()),)


def _global_random_states():
    """Comparable states of the global generators; drawing from one changes its state."""
    # The legacy state is the global one, so there is no other way to read it.
    _, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002, it is watched
    states = {"numpy": (keys.tobytes(), position, has_gauss, gauss)}
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].get_rng_state().numpy().tobytes()
    return states
