"""The checks pass what keeps the promises, and each fails what breaks its own."""

import numpy as np
import pytest

from skgal.generators import ACGAN, BAGAN, CGAN, GAN, GIN, BiGAN, PolarityGAN
from skgal.testing import check_generator, generator_checks

SMALL = {"latent_dim": 2, "max_iter": 2, "batch_size": 8, "architecture": "dense"}
OURS = [
    *(cls(**SMALL) for cls in (GAN, GIN, BiGAN, CGAN, ACGAN)),
    *(cls(autoencoder_max_iter=2, **SMALL) for cls in (BAGAN, PolarityGAN)),
]  # StackGAN's are in tests/generators/test_stack_gan.py


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{type(generator).__name__}-{name}")
        for generator in OURS
        for name, check in generator_checks(generator)
    ],
)
def test_ours(check):
    check()


class Broken(GAN):
    """A generator that breaks whatever its subclasses break."""

    def __init__(self, *, latent_dim=2, max_iter=2, batch_size=8, random_state=None):
        super().__init__(
            latent_dim=latent_dim,
            max_iter=max_iter,
            batch_size=batch_size,
            architecture="dense",
            random_state=random_state,
        )


class ForgetsParameters(Broken):
    def get_params(self, deep=True):
        return super().get_params(deep) | {"latent_dim": np.random.default_rng().random()}


class LeavesTheRange(Broken):
    def generate(self, Z, y=None):
        return super().generate(Z) + 100


class DrawsTooMany(Broken):
    def sample(self, n_samples=1, *, y=None, random_state=None):
        return super().sample(n_samples + 1, random_state=random_state)


class HasNoSeed(Broken):
    def sample_latent(self, n_samples=1, *, random_state=None):
        return super().sample_latent(n_samples, random_state=np.random.RandomState())


class TakesAnyLatent(Broken):
    def _decode(self, Z, *classes):
        return super()._decode(np.zeros((len(Z), self.latent_dim_), dtype=np.float32))


class GivesNoFiniteFeatures(Broken):
    def transform(self, X):
        return super().transform(X) * np.nan


class DoesNotPickle(Broken):
    def __getstate__(self):
        return {**super().__getstate__(), "random_state": 77}


class ChangesItsInput(Broken):
    def fit(self, X, y=None):
        super().fit(X)
        X[:] = 0
        return self


class ReadsTheGlobalState(Broken):
    def fit(self, X, y=None):
        np.random.rand()  # noqa: NPY002 - the mistake that is to be found
        return super().fit(X)


class LosesItsPlace(GAN):
    def finish(self, tensor, labels, rng, setup):
        super().finish(tensor, labels, rng, setup)
        if self.checkpoint is not None:
            for parameter in self.net_.trained_.generator.parameters():
                parameter.data += 1


class IgnoresTheClassesAsked(CGAN):
    def sample(self, n_samples=1, *, y=None, random_state=None):
        X, drawn = super().sample(n_samples if y is None else len(y), random_state=random_state)
        return X, drawn


@pytest.mark.touches_global_rng  # ReadsTheGlobalState does, to be found
@pytest.mark.parametrize(
    ("generator", "name"),
    [
        (ForgetsParameters(), "check_clone"),
        (LeavesTheRange(), "check_layout_of_tables"),
        (LeavesTheRange(), "check_layout_of_images"),
        (DrawsTooMany(), "check_number_of_samples"),
        (HasNoSeed(), "check_seed"),
        (TakesAnyLatent(), "check_latent"),
        (GivesNoFiniteFeatures(), "check_transform"),
        (DoesNotPickle(), "check_pickling"),
        (ChangesItsInput(), "check_inputs_unchanged"),
        (ReadsTheGlobalState(), "check_global_random_state"),
        (LosesItsPlace(**SMALL), "check_resume"),
        (IgnoresTheClassesAsked(**SMALL), "check_classes"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_broken_fails(generator, name):
    with pytest.raises((AssertionError, ValueError, RuntimeError)):
        dict(generator_checks(generator))[name]()


def test_every_check_is_broken_by_something():
    (mark,) = (m for m in test_what_is_broken_fails.pytestmark if m.name == "parametrize")
    assert {name for _, name in mark.args[1]} == {name for name, _ in generator_checks(GAN())}


def test_the_message_says_which_promise_is_broken():
    with pytest.raises(AssertionError, match="outside the range") as caught:
        check_generator(LeavesTheRange())
    assert "It breaks check_layout_of_tables" in caught.value.__notes__[0]
