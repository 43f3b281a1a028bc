"""Progress: which tasks scikit-learn's callbacks hear of, and below which."""

import pickle

import numpy as np
import pytest
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline
from sklearn.callback import ProgressBar
from sklearn.datasets import make_blobs
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skgal import (
    ACGAN,
    GIN,
    ActiveLearner,
    CallableOracle,
    GANOverSampler,
    GatedSampler,
    LatentRandom,
    PolarityGANSampler,
    RandomSampling,
    SelectiveAugmentation,
    compare_strategies,
)
from skgal.generators import CGAN, PolarityGAN
from skgal.nn import Dense

X, Y = make_blobs(60, centers=3, n_features=4, random_state=0)
X = X.astype(np.float32)
SMALL = {"architecture": Dense(hidden=(8,)), "max_iter": 4, "random_state": 0}


class Recorder:
    """Notes the path of each task, and that what begins ends, innermost first."""

    max_propagation_depth = None

    def __init__(self):
        self.begun, self.open, self.calls = [], [], []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        name = f"{context.estimator_name}.{context.task_name}"
        if context.source_task_name is not None:
            name = f"{context.source_task_name}={name}"
        parent = context.parent
        outer = [key for key, _ in self.open]
        assert parent is None or id(parent) == outer[-1], name
        path = (*(self.open[-1][1] if parent is not None else ()), name)
        self.open.append((id(context), path))
        self.begun.append(path)

    def on_fit_task_end(self, estimator, context):
        assert self.open.pop()[0] == id(context)

    def of(self, *path):
        """Tasks below a path, by how often each comes."""
        found = [each[-1] for each in self.begun if each[:-1] == path]
        return {name: found.count(name) for name in dict.fromkeys(found)}


def small(generator, **more):
    return generator(**{**SMALL, **more})


def heard(estimator, *data):
    """What a callback hears of a fit, or of a resampling."""
    recorder = Recorder()
    estimator.set_callbacks(recorder)
    run = estimator.fit_resample if hasattr(estimator, "fit_resample") else estimator.fit
    run(*data)
    assert recorder.open == []
    assert recorder.calls == ["setup", "teardown"]
    return recorder


def test_rounds_and_below_them_the_updates_of_a_generator():
    """ALCG's loop: the model is a generator, and so has epochs of its own in every round."""
    learner = ActiveLearner(small(ACGAN), RandomSampling(), batch_size=3, budget=6, random_state=0)
    recorder = heard(learner, X, Y)
    root = ("ActiveLearner.fit",)
    model = "model=ACGAN.fit"
    assert recorder.of(*root) == {
        model: 1,
        "ActiveLearner.strategy": 1,
        "ActiveLearner.round": 2,
    }
    turn = (*root, "ActiveLearner.round")
    assert recorder.of(*turn) == {"ActiveLearner.label": 2, model: 2}
    assert set(recorder.of(*turn, model)) == {"ACGAN.epoch"}
    assert not hasattr(learner.estimator_, "_parent_callback_ctx")
    assert not hasattr(learner.estimator_, "_skl_callbacks")


@pytest.mark.parametrize("memory", [False, True])
def test_a_strategy_trains_its_generator_below_the_learner(tmp_path, memory):
    learner = ActiveLearner(
        GaussianNB(),
        LatentRandom(small(GIN, latent_dim=2)),
        oracle=CallableOracle(lambda x: int(x[0] > 0)),
        batch_size=2,
        budget=4,
        memory=tmp_path if memory else None,
        random_state=0,
    )
    root = ("ActiveLearner.fit",)
    strategy, generator = "strategy=LatentRandom.fit", "generator=GIN.fit"
    recorder = heard(learner, X, Y)
    assert recorder.of(*root, strategy) == {generator: 1}
    assert set(recorder.of(*root, strategy, generator)) == {"GIN.epoch"}
    assert recorder.of(*root)["ActiveLearner.round"] == 2
    pickle.dumps(learner.strategy_)
    again = heard(learner, X, Y)  # taken from the cache, where there is one
    assert (strategy in again.of(*root)) is not memory


def test_what_stops_a_generator_stops_that_fit_only():
    class StopEpochs(Recorder):
        def on_fit_task_end(self, estimator, context):
            super().on_fit_task_end(estimator, context)
            return context.task_name == "epoch"

    recorder = StopEpochs()
    model = small(ACGAN, max_iter=200)
    learner = ActiveLearner(model, RandomSampling(), batch_size=3, budget=6, random_state=0)
    learner.set_callbacks(recorder).fit(X, Y)
    assert len(learner.history_) == 3
    assert recorder.of("ActiveLearner.fit", "model=ACGAN.fit") == {"ACGAN.epoch": 1}


@pytest.mark.parametrize(
    ("sampler", "trained"),
    [
        (GANOverSampler(small(CGAN)), "CGAN"),
        (PolarityGANSampler(small(PolarityGAN)), "PolarityGAN"),
        (
            SelectiveAugmentation(small(CGAN), extractor_max_iter=2, random_state=0),
            "CGAN",
        ),
    ],
    ids=["GANOverSampler", "PolarityGANSampler", "SelectiveAugmentation"],
)
@pytest.mark.filterwarnings("ignore::skgal.exceptions.FewSamplesWarning")
def test_samplers_train_their_generator_below_them(sampler, trained):
    kept = np.flatnonzero((Y != 2) | (np.arange(60) % 2 == 0))
    name = type(sampler).__name__
    recorder = heard(sampler, X[kept], Y[kept])
    root = (f"{name}.fit_resample",)
    generator = f"generator={trained}.fit"
    extractor = {"SelectiveAugmentation.extractor": 1} if name.startswith("Sel") else {}
    assert recorder.of(*root) == {**extractor, generator: 1}
    assert set(recorder.of(*root, generator)) == {f"{trained}.epoch"}
    make_pipeline(sampler, DummyClassifier()).fit(X[kept], Y[kept])  # clones keep the callback


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.filterwarnings("ignore::skgal.exceptions.UselessSamplesWarning")
def test_the_gate_tells_of_its_folds_and_of_the_sampler(n_jobs):
    kept = np.flatnonzero((Y != 2) | (np.arange(60) % 4 == 0))
    gate = GatedSampler(
        RandomOverSampler(random_state=0),
        DummyClassifier(),
        cv=3,
        scoring="balanced_accuracy",
        n_jobs=n_jobs,
    )
    recorder = heard(gate, X[kept], Y[kept])
    root = ("GatedSampler.fit_resample",)
    assert recorder.of(*root) == {
        "GatedSampler.folds without resampling": 1,
        "GatedSampler.folds with resampling": 1,
    }
    for name in recorder.of(*root):
        assert recorder.of(*root, name) == {"GatedSampler.fold": 3}


def test_a_gate_that_opens_trains_the_sampler_below_it(monkeypatch):
    monkeypatch.setattr("skgal.resampling._gate.corrected_t_test", lambda *args: (1.0, 0.1, 0.0))
    kept = np.flatnonzero((Y != 2) | (np.arange(60) % 4 == 0))
    gate = GatedSampler(GANOverSampler(small(CGAN)), GaussianNB(), cv=3, random_state=0)
    recorder = heard(gate, X[kept], Y[kept])
    path = "GatedSampler.fit_resample", "resample=GANOverSampler.fit_resample"
    assert recorder.of(*path) == {"generator=CGAN.fit": 1}


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_compared_strategies_are_a_task_each(n_jobs):
    recorder = Recorder()
    comparison = compare_strategies(
        GaussianNB(),
        {"random": RandomSampling()},
        (X, Y),
        seeds=3,
        budget=10,
        n_jobs=n_jobs,
        callbacks=recorder,
    )
    assert recorder.of("ComparedRuns.compare_strategies") == {"ComparedRuns.run": 3}
    assert recorder.calls == ["setup", "teardown"]
    assert comparison.curves["seed"].nunique() == 3


def test_a_failing_fit_tears_callbacks_down():
    recorder = Recorder()

    def fail(samples):
        raise RuntimeError("no licence")

    y = np.where(np.arange(60) < 20, Y, np.nan)
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=fail)
    with pytest.raises(RuntimeError, match="no licence"):
        learner.set_callbacks(recorder).fit(X, y)
    assert recorder.calls == ["setup", "teardown"]


def test_progress_bars_are_nested(capsys):
    learner = ActiveLearner(small(ACGAN), RandomSampling(), batch_size=3, budget=6, random_state=0)
    learner.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, Y)
    shown = capsys.readouterr().out
    assert "ActiveLearner - fit" in shown
    assert "round" in shown
    assert "ACGAN" in shown


def test_bars_change_no_result():
    plain = ActiveLearner(GaussianNB(), RandomSampling(), budget=20, random_state=0).fit(X, Y)
    told = ActiveLearner(GaussianNB(), RandomSampling(), budget=20, random_state=0)
    told.set_callbacks(Recorder()).fit(X, Y)
    assert plain.labelled_.indices.tolist() == told.labelled_.indices.tolist()
