"""The checks pass what keeps the promises, and each fails what breaks its own."""

import numpy as np
import pytest
from imblearn.over_sampling import RandomOverSampler

from skgal.generators import CGAN, PolarityGAN
from skgal.nn import Dense
from skgal.resampling import GANOverSampler, PolarityGANSampler, SelectiveAugmentation
from skgal.testing import check_resampler, resampler_checks

SMALL = {"latent_dim": 2, "max_iter": 2, "batch_size": 8, "architecture": Dense(hidden=(4,))}
OURS = [
    GANOverSampler(CGAN(**SMALL)),
    PolarityGANSampler(PolarityGAN(**SMALL, autoencoder_max_iter=2)),
    SelectiveAugmentation(CGAN(**SMALL), ratio=None, n_passes=2, extractor_max_iter=2),
]


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{type(resampler).__name__}-{name}")
        for resampler in OURS
        for name, check in resampler_checks(resampler)
    ],
)
def test_ours(check):
    check()


class Broken(RandomOverSampler):
    """A resampler that breaks whatever its subclasses break."""

    _parameter_constraints = {
        name: constraint
        for name, constraint in RandomOverSampler._parameter_constraints.items()
        if name != "shrinkage"
    }

    def __init__(self, *, sampling_strategy="auto", random_state=None):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)


class ForgetsParameters(Broken):
    def get_params(self, deep=True):
        return super().get_params(deep) | {"random_state": np.random.default_rng().integers(99)}


class MakesOneLess(Broken):
    def fit_resample(self, X, y):
        X, y = super().fit_resample(X, y)
        return X[:-1], y[:-1]


class PutsOriginalsLast(Broken):
    def fit_resample(self, X, y):
        X, y = super().fit_resample(X, y)
        return X[::-1], y[::-1]


class ForgetsTheDtype(Broken):
    def fit_resample(self, X, y):
        X, y = super().fit_resample(X, y)
        return X.astype(np.float16), y


class HasNoSeed(Broken):
    def fit_resample(self, X, y):
        self.set_params(random_state=np.random.RandomState())
        return super().fit_resample(X, y)


class ChangesItsInput(Broken):
    def fit_resample(self, X, y):
        resampled = super().fit_resample(X.copy(), y)
        X[:] = 0
        return resampled


class ReadsTheGlobalState(Broken):
    def fit_resample(self, X, y):
        np.random.rand()  # noqa: NPY002 - the mistake that is to be found
        return super().fit_resample(X, y)


class LosesItsMemory(Broken):
    def __getstate__(self):
        state = super().__getstate__()
        state.pop("sampling_strategy_")
        return state


class AlwaysAddsOne(Broken):
    def fit_resample(self, X, y):
        X, y = super().fit_resample(X, y)
        return np.concatenate([X, X[-1:]]), np.concatenate([y, y[-1:]])


class MakesSparseDense(Broken):
    def fit_resample(self, X, y):
        return super().fit_resample(X.toarray() if hasattr(X, "toarray") else X, y)


class TakesAnything(Broken):
    def fit_resample(self, X, y):
        try:
            return super().fit_resample(X, y)
        except ValueError:
            return X, y


class TellsTooMuch(GANOverSampler):
    @property
    def report_(self):
        return super().report_ + 1


@pytest.mark.touches_global_rng  # ReadsTheGlobalState does, to be found
@pytest.mark.parametrize(
    ("resampler", "name"),
    [
        (ForgetsParameters(), "check_clone"),
        (MakesOneLess(), "check_quotas"),
        (PutsOriginalsLast(), "check_originals_first"),
        (ForgetsTheDtype(), "check_layout_of_tables"),
        (Broken(), "check_layout_of_images"),
        (Broken(), "check_containers"),
        (HasNoSeed(), "check_seed"),
        (ChangesItsInput(), "check_inputs_unchanged"),
        (ReadsTheGlobalState(), "check_global_random_state"),
        (LosesItsMemory(), "check_pickling"),
        (Broken(), "check_few_samples"),
        (AlwaysAddsOne(), "check_balanced"),
        (TakesAnything(), "check_bad_input"),
        (MakesSparseDense(), "check_sparse"),
        (TellsTooMuch(CGAN(**SMALL)), "check_report"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_broken_fails(resampler, name):
    with pytest.raises((AssertionError, ValueError, TypeError, AttributeError, RuntimeError)):
        dict(resampler_checks(resampler))[name]()


def test_every_check_is_broken_by_something():
    (mark,) = (m for m in test_what_is_broken_fails.pytestmark if m.name == "parametrize")
    assert {name for _, name in mark.args[1]} == {name for name, _ in resampler_checks(Broken())}


def test_the_message_says_which_promise_is_broken():
    with pytest.raises(AssertionError, match="other rows first") as caught:
        check_resampler(PutsOriginalsLast())
    assert "It breaks check_originals_first" in caught.value.__notes__[0]
