"""Generative adversarial networks for people with few labels, as scikit-learn estimators.

Every public name lives in one of the subpackages (``skgal.generators``, ``skgal.query``,
``skgal.active``, ...). The names most people need are also here, and load on first use:
``import skgal`` is quick and does not import torch.
"""

from importlib import import_module

__version__ = "0.1.0"

_SUBPACKAGE_OF = {
    "ACGAN": "generators",
    "ADBA": "query",
    "AISEL": "query",
    "ASAL": "query",
    "ActiveLearner": "active",
    "Autoencoder": "generators",
    "BADGE": "query",
    "BAGAN": "generators",
    "BiGAN": "generators",
    "CGAN": "generators",
    "CallableOracle": "active",
    "CertaintySampling": "query",
    "ClassifierFeatures": "classifiers",
    "CoreSet": "query",
    "DesignBox": "generators",
    "EnsembleClassifier": "classifiers",
    "EnsembleRegressor": "classifiers",
    "EstimatorOracle": "active",
    "FeatureMatcher": "matching",
    "FrechetSelection": "generators",
    "FromSkactiveml": "query",
    "GAAL": "query",
    "GAN": "generators",
    "GANOverSampler": "resampling",
    "GIN": "generators",
    "GatedSampler": "resampling",
    "GenerationScorer": "generators",
    "HumanOracle": "annotation",
    "LabelOracle": "active",
    "LabelStore": "active",
    "LatentRandom": "query",
    "LatentUncertainty": "query",
    "LearningLoss": "query",
    "PartialLabelKFold": "active",
    "PolarityGAN": "generators",
    "PolarityGANSampler": "resampling",
    "ProbCover": "query",
    "RandomSampling": "query",
    "SelectiveAugmentation": "resampling",
    "SpaceFilling": "query",
    "StackGAN": "generators",
    "TypiClust": "query",
    "UncertaintySampling": "query",
    "VotingOracle": "active",
    "compare_strategies": "active",
    "compare_tables": "metrics",
    "energy_distance": "design",
    "load_image_folder": "datasets",
    "load_images": "datasets",
    "make_conduction": "datasets",
    "make_feeder": "datasets",
    "make_reactor": "datasets",
    "make_shield": "datasets",
    "make_stenosis": "datasets",
    "make_truss": "datasets",
    "support_points": "design",
}
_SUBPACKAGES = {
    "active",
    "annotation",
    "base",
    "classifiers",
    "datasets",
    "design",
    "differentiable",
    "exceptions",
    "features",
    "generators",
    "inspection",
    "matching",
    "metrics",
    "nn",
    "objectives",
    "query",
    "resampling",
    "testing",
    "training",
    "utils",
}

__all__ = sorted({*_SUBPACKAGE_OF, *_SUBPACKAGES, "__version__"})


def __getattr__(name):
    if name in _SUBPACKAGES:
        return import_module(f"skgal.{name}")
    if name in _SUBPACKAGE_OF:
        return getattr(import_module(f"skgal.{_SUBPACKAGE_OF[name]}"), name)
    raise AttributeError(f"module 'skgal' has no attribute {name!r}")


def __dir__():
    return __all__
