"""Generative adversarial networks for people with few labels, as scikit-learn estimators.

Every public name lives in one of the rooms (``skgal.generators``, ``skgal.query``,
``skgal.active``, ...). The names most people need are also here, and load on first use:
``import skgal`` is quick and does not import torch.
"""

from importlib import import_module

__version__ = "0.1.0"

_ROOM_OF = {
    "AISEL": "query",
    "ActiveLearner": "active",
    "EstimatorOracle": "active",
    "GAN": "generators",
    "GIN": "generators",
    "LabelOracle": "active",
    "LatentRandom": "query",
    "LatentUncertainty": "query",
    "RandomSampling": "query",
    "UncertaintySampling": "query",
    "energy_distance": "design",
    "load_images": "datasets",
    "support_points": "design",
}
_ROOMS = {
    "active",
    "base",
    "datasets",
    "design",
    "engine",
    "exceptions",
    "generators",
    "inspection",
    "metrics",
    "nn",
    "objectives",
    "query",
    "utils",
}

__all__ = sorted({*_ROOM_OF, *_ROOMS, "__version__"})


def __getattr__(name):
    if name in _ROOMS:
        return import_module(f"skgal.{name}")
    if name in _ROOM_OF:
        return getattr(import_module(f"skgal.{_ROOM_OF[name]}"), name)
    raise AttributeError(f"module 'skgal' has no attribute {name!r}")


def __dir__():
    return __all__
