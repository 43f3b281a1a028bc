"""Whatever is configured for all of scikit-learn, pandas or torch, results are the same."""

import os
import pickle
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from skorch import NeuralNetClassifier

from skgal.active import ActiveLearner
from skgal.classifiers import AnyEstimator, ClassifierFeatures, EnsembleClassifier
from skgal.generators import (
    BAGAN,
    CGAN,
    GAN,
    GIN,
    Autoencoder,
    FrechetSelection,
    PolarityGAN,
)
from skgal.matching import FeatureMatcher
from skgal.nn import Dense
from skgal.query import AISEL, ASAL, BADGE, GAAL, CoreSet, RandomSampling, TypiClust
from skgal.resampling import GANOverSampler, SelectiveAugmentation
from skgal.utils import seeded_nets

SMALL = {
    "max_iter": 2,
    "latent_dim": 2,
    "batch_size": 16,
    "architecture": Dense(hidden=(8,)),
    "random_state": 0,
}
X = np.random.RandomState(0).normal(size=(60, 6))
FRAME = pd.DataFrame(
    {"x": X[:, 0], "gap": np.where(X[:, 1] > 0, np.nan, X[:, 2]), "kind": ["a", "b", "c"] * 20}
)
Y = (X[:, 0] > 0.5).astype(int)
PARTLY = np.where(np.arange(60) < 30, Y, np.nan)
MODEL = LogisticRegression().fit(X, Y)
CASES = {
    "GAN": lambda: GAN(**SMALL).fit(FRAME).sample(5),
    "CGAN": lambda: CGAN(**SMALL).fit(FRAME, Y).sample(5)[0],
    "GIN": lambda: _there_and_back(GIN(**SMALL)),
    "Autoencoder": lambda: _there_and_back(Autoencoder(**SMALL)),
    "FeatureMatcher": lambda: FeatureMatcher(n_components=2, random_state=0).fit(X).match(X[:3]),
    "matching by PCA": lambda: FeatureMatcher(PCA(2)).fit(X).match(X[:3]),
    "matching by a generator": lambda: FeatureMatcher(GIN(**SMALL)).fit(FRAME).match(FRAME[:3]),
    "ASAL": lambda: _chosen(ASAL(GAN(**SMALL), n_components=2, random_state=0)),
    "CoreSet": lambda: _chosen(CoreSet(features=PCA(2), random_state=0)),
    "TypiClust": lambda: _chosen(TypiClust(features=PCA(2), random_state=0)),
    "AISEL": lambda: _designed(AISEL(GIN(**SMALL), random_state=0)),
    "latent search": lambda: _designed(GAAL(GAN(**SMALL), max_iter=3, random_state=0)),
    "filters": lambda: _filtered(),
    "resampler": lambda: GANOverSampler(CGAN(**SMALL), random_state=0).fit_resample(FRAME, Y)[0],
}


class Module(torch.nn.Sequential):
    def __init__(self):
        super().__init__(
            torch.nn.Linear(6, 8), torch.nn.Dropout(), torch.nn.ReLU(), torch.nn.Linear(8, 2)
        )


def _net(**params):
    return NeuralNetClassifier(
        Module,
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=1,
        train_split=None,
        verbose=0,
        **params,
    )


X32 = X.astype(np.float32)
AUTOENCODED = {"max_iter": 2, "autoencoder_max_iter": 2, "random_state": 0}
with seeded_nets(_net()):
    FITTED_NET = _net().fit(X32, Y)
FITTED_GAN = FrozenEstimator(GAN(**SMALL).fit(X32))
PICKLED_GAN = pickle.dumps(FITTED_GAN)
# A net of the user's has the dtype that is torch's default: these are not for double precision.
TORCH_CASES = {
    "PolarityGAN": lambda: PolarityGAN(**AUTOENCODED).fit(X, Y).sample(3)[0],
    "BAGAN": lambda: BAGAN(**AUTOENCODED).fit(X, Y).sample(3)[0],
    "selection": lambda: CGAN(model_selection=FrechetSelection(), **SMALL).fit(X, Y).sample(3)[0],
    "warm start": lambda: GAN(warm_start=True, **SMALL).fit(X).fit(X).sample(3),
    "search from a file": lambda: _searched(pickle.loads(PICKLED_GAN), FITTED_NET),
    "search with a net": lambda: _searched(FITTED_GAN, FITTED_NET),
    "gradients of a net": lambda: (
        BADGE(random_state=0).fit(X32, PARTLY).query(X32, PARTLY, FITTED_NET, batch_size=3)
    ),
    "net": lambda: AnyEstimator(_net(), random_state=0).fit(X, Y).predict_proba(X),
    "features": lambda: ClassifierFeatures(_net(), random_state=0).fit(X, Y).transform(X),
    "ensemble": lambda: (
        EnsembleClassifier(_net(), n_estimators=2, random_state=0).fit(X, Y).predict_proba(X)
    ),
    "extractor": lambda: _filtered(X, extractor=_net()),
    "learner": lambda: (
        ActiveLearner(
            _net(warm_start=True), RandomSampling(), budget=4, batch_size=2, random_state=0
        )
        .fit(X32, Y)
        .predict_proba(X32)
    ),
}


def _searched(generator, clf):
    return GAAL(generator, max_iter=3, random_state=0).fit(X32).synthesize(X32, PARTLY, clf).X


def _filtered(samples=FRAME, **params):
    sampler = SelectiveAugmentation(CGAN(**SMALL), extractor_max_iter=2, random_state=0, **params)
    return sampler.fit_resample(samples, Y)[0]


def _there_and_back(generator):
    return generator.fit(FRAME).inverse_transform(generator.transform(FRAME))


def _designed(strategy):
    return strategy.fit(X).synthesize(X, PARTLY, MODEL).X


def _chosen(strategy):
    return strategy.fit(X, PARTLY).query(X, PARTLY, MODEL, batch_size=3)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_what_transformers_return(case, output):
    expected = CASES[case]()
    with sklearn.config_context(transform_output=output):
        found = CASES[case]()
    assert type(found) is type(expected)
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected)
    else:
        np.testing.assert_array_equal(found, expected)


@contextmanager
def double_precision():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def another_device():
    # In place of a GPU: there are tensors without numbers.
    torch.set_default_device("meta")
    try:
        yield
        assert torch.empty(0).device.type == "meta"
    finally:
        torch.set_default_device(None)


TORCH_SETTINGS = {
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "another device": another_device,
    "another device here": lambda: torch.device("meta"),
}
SETTINGS = {
    **TORCH_SETTINGS,
    "double precision": double_precision,
    "errors of NumPy": lambda: np.errstate(all="raise"),
    "metadata routing": lambda: sklearn.config_context(enable_metadata_routing=True),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("case", [*CASES, *TORCH_CASES])
def test_global_settings(case):
    compute, settings = (
        (CASES[case], SETTINGS) if case in CASES else (TORCH_CASES[case], TORCH_SETTINGS)
    )
    expected = compute()
    for name, setting in settings.items():
        with setting():
            found = compute()
        if isinstance(expected, pd.DataFrame):
            pd.testing.assert_frame_equal(found, expected)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=name)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:The 'future.infer_string' option")
def test_pandas_strings_as_objects():
    with pd.option_context("future.infer_string", False):
        frame = FRAME.astype({"kind": object})
        X_drawn, y_drawn = CGAN(**SMALL).fit(frame, frame["kind"]).sample(5)
    assert X_drawn.dtypes.to_dict() == frame.dtypes.to_dict()
    assert y_drawn.dtype == object


def test_array_api_dispatch():
    # scikit-learn only dispatches where this variable is set before scipy is imported.
    code = (
        "import sklearn, runpy; sklearn.set_config(array_api_dispatch=True);"
        f"cases = runpy.run_path({__file__!r})['CASES'];"
        "[case() for case in cases.values()]"
    )
    env = {**os.environ, "SCIPY_ARRAY_API": "1", "PYTHONWARNINGS": "ignore"}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
