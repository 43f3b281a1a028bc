"""Every generator in small: what is asked of one is asked of all."""

import pytest

from skgal.generators import (
    ACGAN,
    BAGAN,
    CGAN,
    GAN,
    GIN,
    Autoencoder,
    BiGAN,
    PolarityGAN,
    StackGAN,
)
from skgal.nn import Dense

SMALL = {
    "latent_dim": 2,
    "max_iter": 3,
    "batch_size": 8,
    "architecture": Dense(hidden=(8,)),
    "random_state": 0,
}
# What keeps those small that have more than one network's worth of parameters.
ALSO = {
    BAGAN: {"autoencoder_max_iter": 3},
    PolarityGAN: {"autoencoder_max_iter": 3},
    StackGAN: {"stage_width": 2, "penalty": "spectral_norm", "objective": "hinge"},
}
CONDITIONAL = [CGAN, ACGAN, BAGAN, PolarityGAN, StackGAN]
ADVERSARIAL = [GAN, GIN, BiGAN, *CONDITIONAL]


def _maker(generator_class):
    def make(**kwargs):
        return generator_class(**SMALL | ALSO.get(generator_class, {}) | kwargs)

    return make


def _fixture(generator_classes):
    params = [pytest.param(cls, id=cls.__name__) for cls in generator_classes]

    @pytest.fixture(params=params)
    def make_small(request):
        return _maker(request.param)

    return make_small


make_any = _fixture([*ADVERSARIAL, Autoencoder])
make_adversarial = _fixture(ADVERSARIAL)
make_conditional = _fixture(CONDITIONAL)
