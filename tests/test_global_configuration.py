"""Whatever is configured for all of scikit-learn, pandas or torch, results are the same."""

import os
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from skgal.generators import CGAN, GAN, GIN, Autoencoder
from skgal.matching import FeatureMatcher
from skgal.nn import Dense
from skgal.query import AISEL, ASAL, GAAL, CoreSet, TypiClust
from skgal.resampling import GANOverSampler, SelectiveAugmentation

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


def _filtered():
    sampler = SelectiveAugmentation(CGAN(**SMALL), extractor_max_iter=2, random_state=0)
    return sampler.fit_resample(FRAME, Y)[0]


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


SETTINGS = {
    "double precision": double_precision,
    "no gradients": torch.no_grad,
    "errors of NumPy": lambda: np.errstate(all="raise"),
    "metadata routing": lambda: sklearn.config_context(enable_metadata_routing=True),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("case", CASES)
def test_global_settings(case):
    expected = CASES[case]()
    for name, setting in SETTINGS.items():
        with setting():
            found = CASES[case]()
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
