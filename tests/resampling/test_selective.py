"""Selective augmentation: the filters by their definition, and what comes of them."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from skgal.datasets import make_truss
from skgal.exceptions import PoorSamplesWarning
from skgal.generators import CGAN
from skgal.nn import Dense
from skgal.resampling import GANOverSampler, SelectiveAugmentation
from skgal.resampling._base import select
from skgal.utils import as_random_state, seeded_torch

RNG = np.random.RandomState(0)
Y = np.repeat([0, 1], [40, 20])
X = RNG.normal(scale=0.1, size=(60, 2)) + np.where(Y == 0, -1, 1)[:, None]
TINY = {"latent_dim": 2, "max_iter": 2, "batch_size": 8, "architecture": Dense(hidden=(4,))}
QUICK = {"ratio": None, "extractor_max_iter": 5, "n_passes": 2, "random_state": 0}
scores = st.integers(1, 6).flatmap(
    lambda n: st.tuples(
        st.just(n),
        arrays(float, 4 * n, elements=st.floats(0, 9), unique=True),
        arrays(float, 4 * n, elements=st.floats(0, 9), unique=True),
    )
)


@given(scores)
def test_two_filters_are_algorithm_1(drawn):
    n, entropy, distance = drawn
    chosen = select({"entropy": entropy, "distance": distance}, n)
    by_entropy = sorted(range(4 * n), key=lambda j: entropy[j])[: 2 * n]
    by_distance = sorted(by_entropy, key=lambda j: distance[j])[:n]
    assert chosen.chosen.tolist() == by_distance
    assert chosen.n_accepted == n
    assert chosen.rejected == {"entropy": 2 * n, "distance": n}


@given(scores)
def test_single_filter(drawn):
    n, _, distance = drawn
    chosen = select({"distance": distance[: 2 * n]}, n)
    assert chosen.chosen.tolist() == np.argsort(distance[: 2 * n]).tolist()[:n]
    assert chosen.rejected == {"distance": n}


@given(
    st.integers(1, 5).flatmap(
        lambda n: st.tuples(
            st.just(n),
            arrays(bool, 4 * n),
            arrays(float, 4 * n, elements=st.sampled_from([0.0, 1.0, 2.0, np.nan])),
            arrays(float, 4 * n, elements=st.sampled_from([0.0, 1.0])),
        )
    )
)
def test_quota_is_filled_whatever_the_scores(drawn):
    n, label, entropy, distance = drawn
    by_filter = {"label": label, "entropy": entropy, "distance": distance}
    selection = select(by_filter, n)
    assert len(selection.chosen) == len(set(selection.chosen.tolist())) == n
    n_passed = 4 * n - sum(selection.rejected.values())
    assert selection.n_accepted == min(n_passed, n)
    assert selection.n_surplus == max(n_passed - n, 0)
    accepted, topped_up = np.split(selection.chosen, [selection.n_accepted])
    assert label[accepted].all()
    # Who passed more filters comes first: nobody is topped up with a wrong label while there
    # are candidates of the right one.
    if not label[topped_up].all():
        assert set(np.flatnonzero(label)) <= set(selection.chosen.tolist())


@given(scores, st.floats(0, 9))
def test_those_up_to_a_threshold_stay_in_their_order(drawn, at_most):
    n, values, _ = drawn
    selection = select({"trust": values}, n, at_most=at_most)
    passed = [j for j in range(4 * n) if values[j] <= at_most]
    others = sorted(set(range(4 * n)) - {*passed}, key=lambda j: values[j])
    assert selection.chosen.tolist() == (passed + others)[:n]
    assert selection.n_accepted == min(len(passed), n)
    assert selection.n_surplus == max(len(passed) - n, 0)
    assert selection.rejected == {"trust": len(others)}


class GoodAndBad(BaseEstimator):
    """One of so many that it draws is of the class it should be."""

    def __init__(self, bad="between", *, one_in=2, random_state=None):
        self.bad = bad
        self.one_in = one_in
        self.random_state = random_state

    def fit(self, X, y):
        self.n_drawn_ = {}
        return self

    def sample(self, n_samples=1, *, y=None, random_state=None):
        self.n_drawn_[int(y[0])] = len(y)
        rng = as_random_state(random_state)
        noise = rng.normal(scale=0.05, size=(len(y), 2))
        sign = np.where(np.asarray(y) == 0, -1, 1)[:, None]
        other = {"between": 0 * sign, "other class": -sign}[self.bad]
        return noise + np.where(np.arange(len(y))[:, None] % self.one_in, other, sign), y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def test_unsure_samples_are_rejected():
    sampler = SelectiveAugmentation(GoodAndBad(), extractor_max_iter=150, random_state=0)
    X_new, y_new = sampler.fit_resample(X, Y)
    assert_array_equal(y_new[60:], np.repeat([0, 1], [20, 10]))
    assert np.all(X_new[60:] * np.where(y_new[60:] == 0, -1, 1)[:, None] > 0.5)
    assert sampler.generator_.n_drawn_ == {0: 80, 1: 40}
    report = sampler.report_
    assert report["generated"].tolist() == [80, 40]
    assert report["rejected_by_entropy"].tolist() == [40, 20]
    assert report["rejected_by_distance"].tolist() == [20, 10]
    assert report["accepted"].tolist() == [20, 10]
    assert report["topped_up"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("filters", "one_in", "rejected", "accepted", "surplus"),
    [
        # Of 160 candidates 80 are of the class, of which a half of a half passes.
        (("label", "entropy", "distance"), 2, 80, 20, 0),
        # Of 160 candidates 10 are of the class, so that 2 pass, and 18 more are needed.
        (("label", "entropy", "distance"), 16, 150, 2, 0),
        # Of 40 candidates all are of the class, and 20 are enough.
        (("label",), 1, 0, 20, 20),
    ],
)
def test_samples_of_another_class_are_rejected(filters, one_in, rejected, accepted, surplus):
    sampler = SelectiveAugmentation(
        GoodAndBad("other class", one_in=one_in),
        ratio=None,
        filters=filters,
        extractor_max_iter=150,
        random_state=0,
    )
    X_new, y_new = sampler.fit_resample(X, Y)
    assert np.bincount(y_new).tolist() == [40, 40]
    row = sampler.report_.loc[1]
    assert row["rejected_by_label"] == rejected
    assert row["accepted"] == accepted
    assert row["surplus"] == surplus
    assert row["topped_up"] == 20 - accepted
    # Candidates of the class, those that another filter rejected among them, come first.
    n_good = min(20, row["generated"] - rejected)
    assert np.all(X_new[60 : 60 + int(n_good)] > 0.5)
    assert np.all(X_new[60 + int(n_good) :] < -0.5)


def test_single_filter_end_to_end():
    sampler = SelectiveAugmentation(GoodAndBad("other class"), ratio=None, filters=("distance",))
    X_new, _ = sampler.set_params(extractor_max_iter=150, random_state=0).fit_resample(X, Y)
    assert np.all(X_new[60:] > 0.5)
    assert sampler.generator_.n_drawn_ == {1: 40}


def test_images_and_a_selection_by_frechet_distance():
    images = RNG.randint(0, 200, size=(30, 1, 8, 8)).astype(np.uint8)
    y = np.repeat(["cat", "dog"], [20, 10])
    sampler = SelectiveAugmentation(CGAN(**TINY), **QUICK)
    X_new, y_new = sampler.fit_resample(images, y)
    assert X_new.shape == (40, 1, 8, 8)
    assert X_new.dtype == np.uint8
    assert y_new[30:].tolist() == ["dog"] * 10
    assert len(sampler.extractor_.module_.feature_layers) == 3
    default = SelectiveAugmentation()._default_generator(images)
    assert isinstance(default, CGAN)
    assert default.model_selection is not None


@pytest.mark.parametrize("module", [pd, pl])
def test_mixed_tables(module):
    frame = module.DataFrame({"a": X[:, 0], "city": np.where(RNG.rand(60) > 0.5, "Rome", "Oslo")})
    X_new, y_new = SelectiveAugmentation(CGAN(**TINY), **QUICK).fit_resample(frame, Y)
    assert type(X_new) is type(frame)
    assert X_new.shape == (80, 2)
    assert np.bincount(y_new).tolist() == [40, 40]


def make_net(n_outputs=2, dropout=0.3, **params):
    from skorch import NeuralNetClassifier
    from torch import nn

    with seeded_torch(0):
        module = nn.Sequential(
            nn.Linear(2, 8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, n_outputs)
        )
    return NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        max_epochs=2,
        train_split=None,
        verbose=0,
        **params,
    )


def fitted_net(*, labels=Y, max_epochs=1, **params):
    net = make_net(**params).set_params(max_epochs=max_epochs, lr=0.5)
    with seeded_torch(0):
        return net.fit(X.astype(np.float32), np.asarray(labels))


def test_an_extractor_of_ones_own():
    samples = X.astype(np.float32)
    net = make_net()
    sampler = SelectiveAugmentation(CGAN(**TINY), extractor=net, n_passes=2, random_state=0)
    names = np.array(["no", "yes"])[Y]
    first, _ = sampler.fit_resample(samples, names)
    assert not net.initialized_
    assert sampler.extractor_.initialized_
    assert_array_equal(clone(sampler).fit_resample(samples, names)[0], first)

    with seeded_torch(0):
        net.fit(samples, Y)
    frozen = clone(sampler.set_params(extractor=FrozenEstimator(net)))
    frozen.fit_resample(samples, names)
    assert frozen.extractor_ is not sampler.extractor
    assert [len(row) for row in frozen.extractor_.history] == [len(r) for r in net.history]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame, pl.DataFrame])
def test_an_extractor_sees_numbers_in_its_precision(frozen, container):
    extractor = FrozenEstimator(fitted_net()) if frozen else make_net()
    sampler = SelectiveAugmentation(CGAN(**TINY), extractor=extractor, random_state=0)
    X_new, _ = sampler.fit_resample(container(X), Y)  # float64, which float32 layers don't take
    assert np.asarray(X_new).dtype == np.float64


@pytest.mark.parametrize("frozen", [False, True])
def test_an_extractor_of_double_precision(frozen):
    net = make_net()
    net.module.double()
    with seeded_torch(0):
        net = FrozenEstimator(net.fit(X, Y)) if frozen else net
    SelectiveAugmentation(Clear(), extractor=net, n_passes=1, random_state=0).fit_resample(X, Y)


@pytest.mark.parametrize("frozen", [False, True])
def test_an_extractor_of_numbers_is_told_of_other_columns(frozen):
    frame = pd.DataFrame({"a": X[:, 0], "city": "Rome", "n": pd.array([1, None] * 30, "Int64")})
    extractor = FrozenEstimator(fitted_net()) if frozen else make_net()
    sampler = SelectiveAugmentation(MustNotTrain(), extractor=extractor)
    for table in (frame, pl.from_pandas(frame[["a", "city"]])):
        with pytest.raises(TypeError, match=r"takes numbers, and the columns \['city'"):
            sampler.fit_resample(table, Y)


@pytest.mark.parametrize(
    ("net", "y"),
    [
        # It knows a class 0 that y has no samples of.
        ({"n_outputs": 3, "labels": Y + 1}, Y + 1),
        ({"n_outputs": 3, "labels": 2 * Y}, 2 * Y),
        ({"n_outputs": 3, "labels": Y + 1, "classes": ["?", "no", "yes"]}, "named"),
        # It was fitted to the positions of the classes, as an extractor is that is fitted here.
        ({"labels": Y}, Y + 5),
    ],
)
def test_a_frozen_extractor_may_know_more_classes(net, y):
    y = np.array(["no", "yes"])[Y] if isinstance(y, str) else y
    sampler = SelectiveAugmentation(
        Clear(),
        ratio=None,
        filters=("label",),
        extractor=FrozenEstimator(fitted_net(max_epochs=30, **net)),
    )
    sampler.fit_resample(X.astype(np.float32), y)
    assert sampler.report_["rejected_by_label"].tolist() == [0, 0]
    assert sampler.report_["accepted"].tolist() == [0, 20]


class Clear(GoodAndBad):
    """Repeats the middle of class 1, whatever it is called."""

    def sample(self, n_samples=1, *, y=None, random_state=None):
        return np.ones((len(y), 2), dtype=np.float32), y


class MustNotTrain(GoodAndBad):
    def fit(self, X, y):
        raise AssertionError("it was trained")


LOGISTIC = LogisticRegression().fit(X, Y)


@pytest.mark.parametrize(
    ("make", "params", "error", "match"),
    [
        (lambda: fitted_net(dropout=0.0), {}, ValueError, "no dropout"),
        (fitted_net, {"layers": ["7"]}, ValueError, "layers must name"),
        (make_net, {}, ValueError, "is not fitted; fit it first"),
        (lambda: LOGISTIC, {}, TypeError, "skorch net.*got a LogisticRegression"),
        (
            lambda: fitted_net(n_outputs=3),
            {"filters": ("label", "entropy")},
            ValueError,
            r"3 outputs.*the classes \[0, 1\].*\['no', 'yes'\]",
        ),
    ],
)
def test_a_frozen_extractor_of_no_use_is_refused_before_training(make, params, error, match):
    sampler = SelectiveAugmentation(MustNotTrain(), extractor=FrozenEstimator(make()), **params)
    with pytest.raises(error, match=match):
        sampler.fit_resample(X.astype(np.float32), np.array(["no", "yes"])[Y])


@pytest.mark.parametrize(
    ("extractor", "params", "match"),
    [
        (lambda: make_net(dropout=0.0), {}, "no dropout"),
        (make_net, {"layers": ["7"]}, "layers must name"),
        (make_net, {"layers": []}, "layers must name"),
        (lambda: None, {"layers": [], "extractor_max_iter": 1}, "layers must name"),
        (lambda: make_net(predict_nonlinearity=None), {}, "class probabilities"),
    ],
)
def test_an_extractor_of_no_use_is_refused_before_the_generator_trains(extractor, params, match):
    sampler = SelectiveAugmentation(MustNotTrain(), extractor=extractor(), **params)
    with pytest.raises(ValueError, match=match):
        sampler.fit_resample(X.astype(np.float32), Y)


@pytest.mark.parametrize("filters", [("distance",), ("entropy",), ("label", "distance")], ids=str)
@pytest.mark.parametrize("frozen", [False, True])
def test_filters_that_look_once_need_no_dropout(filters, frozen):
    net = FrozenEstimator(fitted_net(dropout=0.0)) if frozen else make_net(dropout=0.0)
    sampler = SelectiveAugmentation(GoodAndBad(), extractor=net, filters=filters, n_passes=1)
    X_new, _ = sampler.set_params(random_state=0).fit_resample(X.astype(np.float32), Y)
    assert len(X_new) > len(X)
    with pytest.raises(ValueError, match="no dropout"):
        sampler.set_params(n_passes=2).fit_resample(X.astype(np.float32), Y)


def test_other_filters_need_no_names_of_classes():
    extractor = FrozenEstimator(fitted_net(n_outputs=3))
    sampler = SelectiveAugmentation(Clear(), ratio=None, extractor=extractor, random_state=0)
    _, y_new = sampler.fit_resample(X.astype(np.float32), np.array(["no", "yes"])[Y])
    assert (y_new == "yes").sum() == 40


def test_an_extractor_sees_nullable_numbers_as_numbers():
    frame = pd.DataFrame(X, columns=list("ab")).astype("Float32")
    sampler = SelectiveAugmentation(CGAN(**TINY), extractor=make_net(), random_state=0)
    assert list(sampler.fit_resample(frame, Y)[0].dtypes) == list(frame.dtypes)


def test_a_small_ratio_gives_each_class_a_sample():
    sampler = SelectiveAugmentation(CGAN(**TINY), **(QUICK | {"ratio": 0.02}))
    _, y_new = sampler.fit_resample(X, Y)
    assert sampler.sampling_strategy_ == {0: 1, 1: 1}
    assert np.bincount(y_new).tolist() == [41, 21]


def test_the_extractor_of_an_earlier_call_is_forgotten():
    sampler = SelectiveAugmentation(GoodAndBad(), **QUICK)
    sampler.fit_resample(X, Y)
    assert hasattr(sampler, "extractor_")
    sampler.fit_resample(X[:40], np.arange(40) % 2)
    assert not hasattr(sampler, "extractor_")


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"filters": ("distance", "entropy")}, "in this order"),
        ({"filters": ()}, "at least one"),
        ({"filters": ("luck",)}, "filters must be some of"),
        ({"ratio": 0.5, "sampling_strategy": "minority"}, "leave one of them out"),
        ({"ratio": -1.0}, "'ratio' parameter"),
    ],
)
def test_bad_parameters(params, match):
    with pytest.raises(ValueError, match=match):
        SelectiveAugmentation(CGAN(**TINY), **params).fit_resample(X, Y)


def test_a_given_strategy_replaces_the_default_ratio():
    sampler = SelectiveAugmentation(CGAN(**TINY), **(QUICK | {"ratio": "auto"}))
    assert sampler.fit(X, Y).sampling_strategy_ == {0: 20, 1: 10}
    assert sampler.set_params(sampling_strategy="all").fit(X, Y).sampling_strategy_ == {0: 0, 1: 20}
    assert sampler.set_params(sampling_strategy={1: 25}).fit(X, Y).sampling_strategy_ == {1: 5}


def test_by_default_a_table_of_many_clusters_and_a_rare_class_is_not_spoilt():
    # Of 11,000 rows with 2 % of the rare class a CGAN and balance made 0.07 of 0.69 (forest).
    rng = np.random.RandomState(0)
    means = rng.uniform(-4, 4, (12, 4))

    def draw(n_common, n_rare):
        own = [means[:8][rng.randint(8, size=n_common)], means[8:][rng.randint(4, size=n_rare)]]
        rows = np.concatenate(own) + rng.normal(0, 0.7, (n_common + n_rare, 4))
        return rows, np.repeat([0, 1], [n_common, n_rare])

    (rows, y), (rows_test, y_test) = draw(1000, 60), draw(4000, 240)

    def precision(*train):
        model = KNeighborsClassifier(15, weights="distance").fit(*train)
        return average_precision_score(y_test, model.predict_proba(rows_test)[:, 1])

    with warnings.catch_warnings():
        warnings.simplefilter("error", PoorSamplesWarning)
        augmented = SelectiveAugmentation(random_state=0).fit_resample(rows, y)
    assert precision(*augmented) > precision(rows, y) - 0.05
    quick = SelectiveAugmentation(CGAN(max_iter=20), ratio=None, random_state=0)
    with pytest.warns(PoorSamplesWarning, match=r"\{1: '.* against"):
        spoilt = quick.fit_resample(rows, y)
    assert precision(*spoilt) < precision(rows, y) - 0.05


def clusters():
    """Three clusters a class, 2 % of 2,000 rows rare."""
    X, y = make_classification(
        12_000,
        n_features=12,
        n_informative=6,
        n_clusters_per_class=3,
        weights=[0.98],
        flip_y=0.0,
        random_state=0,
    )
    return train_test_split(X, y, train_size=2000, stratify=y, random_state=0)


def trusses():
    """Simulated trusses, 2 % of 2,000 fail."""
    bunch = make_truss(2, n_test=12_000, random_state=0)
    X, y = bunch.X_test, (bunch.y_test != np.bincount(bunch.y_test).argmax()).astype(int)
    train = np.r_[np.flatnonzero(y == 0)[:1960], np.flatnonzero(y == 1)[:40]]
    test = np.setdiff1d(np.arange(len(y)), train)
    return X[train], X[test], y[train], y[test]


@pytest.mark.parametrize("table", [clusters, trusses], ids=lambda table: table.__name__)
def test_by_default_trees_lose_nothing_on_a_table_with_a_rare_class(table):
    # A CGAN and balance made .02 of .33 of the clusters, and .5 of .95 of the trusses.
    X, X_test, y, y_test = table()

    def precision(*train):
        model = HistGradientBoostingClassifier(random_state=0).fit(*train)
        return average_precision_score(y_test, model.predict_proba(X_test)[:, 1])

    with warnings.catch_warnings():
        warnings.simplefilter("error", PoorSamplesWarning)
        augmented = SelectiveAugmentation(random_state=0).fit_resample(X, y)
    assert precision(*augmented) > precision(X, y) - 0.05
    # Samples that spoil the table lie no farther from real ones than these from each other.
    sampler = GANOverSampler(CGAN(max_iter=100), random_state=0)
    with pytest.warns(PoorSamplesWarning, match="among the samples of other classes") as caught:
        spoilt = sampler.fit_resample(X, y)
    assert "lie far" not in str(caught[0].message)
    assert sampler.report_.loc[1, "overlap"] > 0.2
    assert precision(*spoilt) < precision(X, y) - 0.2
