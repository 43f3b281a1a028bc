"""The checks pass what keeps the promises, and each fails what breaks its own."""

import numpy as np
import pytest
import skactiveml.pool as theirs
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from skorch import NeuralNetClassifier

from skgal.base import PoolStrategy, Synthesis, SynthesisStrategy
from skgal.query import FromSkactiveml, UncertaintySampling
from skgal.testing import check_query_strategy, query_strategy_checks
from skgal.utils import is_missing, seeded_torch

ONLY_POSITIONS = {
    "check_foreign_candidates": "scikit-activeml takes positions in X only for this strategy",
    "check_images": "the same, for images",
    "check_utilities": "the same, with utilities",
}


@pytest.mark.parametrize(
    ("strategy", "expected_failures"),
    [
        (theirs.RandomSampling(), {}),
        (theirs.UncertaintySampling(), {}),
        (theirs.CoreSet(), {}),
        (theirs.Badge(), {}),
        (theirs.TypiClust(), ONLY_POSITIONS),
        (theirs.ProbCover(), ONLY_POSITIONS),
    ],
    ids=lambda value: type(value).__name__,
)
def test_scikit_activemls_through_the_adapter(strategy, expected_failures):
    check_query_strategy(FromSkactiveml(strategy), expected_failures=expected_failures)


class Bare(PoolStrategy):
    """A strategy of scikit-activeml as it is, but for clf, which not all of them take."""

    def __init__(self, strategy, random_state=None):
        self.strategy = strategy
        self.random_state = random_state

    def query(self, X, y, clf, **kwargs):
        strategy = clone(self.strategy).set_params(random_state=self.random_state)
        return strategy.query(X, y, **kwargs)


@pytest.mark.touches_global_rng  # where it has no seed
# Theirs: some of scikit-activeml's take smaller batches.
@pytest.mark.filterwarnings("ignore:.* is larger than number of candidates")
def test_scikit_activemls_as_they_are():
    check_query_strategy(
        Bare(theirs.CoreSet()),
        expected_failures={
            "check_images": "its distances need two dimensions",
            "check_string_labels": "nan is no missing label among strings",
            "check_batch_larger_than_pool": "it warns, and chooses fewer",
            "check_exhausted_pool": "it warns, and chooses none",
            "check_utilities": "it returns a row of utilities for each choice",
        },
    )


class Sound(PoolStrategy):
    """Keeps all promises: the samples with the largest first value, whatever they are."""

    def __init__(self, offset=0, random_state=None):
        self.offset = offset
        self.random_state = random_state

    missing_label = np.nan

    def candidates(self, X, y, candidates):
        """Rows to choose from, their positions, and the number of rows that there are."""
        if candidates is not None and np.ndim(candidates) > 1:
            return candidates, np.arange(len(candidates)), len(candidates)
        positions = np.arange(len(X)) if candidates is None else np.asarray(candidates)
        positions = positions[is_missing(y, self.missing_label)[positions]]
        return X[positions], positions, len(X)

    def values(self, rows, clf):
        return rows.reshape(len(rows), -1)[:, 0].astype(float)

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        rows, positions, n_rows = self.candidates(X, y, candidates)
        if batch_size > len(positions):
            raise ValueError("too few")
        values = self.values(rows, clf)
        utilities = np.full(n_rows, np.nan)
        utilities[positions] = values
        chosen = positions[np.argsort(-values)[:batch_size]]
        return (chosen, utilities) if return_utilities else chosen


class ForgetsParameter(Sound):
    def __init__(self, offset=0, random_state=None):
        self.offset = offset
        self.random_state = random_state

    def __sklearn_clone__(self):
        return ForgetsParameter()


class CountsInParameter(Sound):
    def query(self, X, y, clf, **kwargs):
        self.offset += 1
        return super().query(X, y, clf, **kwargs)


class NeverTheSame(Sound):
    def values(self, rows, clf):
        return np.random.default_rng().random(len(rows))


class HoldsLambda(Sound):
    def fit(self, X, y=None):
        self.rate_ = lambda rows: rows
        return self


class ForgetsOnPickling(Sound):
    def fit(self, X, y=None):
        self.sign_ = -1
        return self

    def __getstate__(self):
        return {**self.__dict__, "sign_": 1}

    def values(self, rows, clf):
        return self.sign_ * super().values(rows, clf)


class WritesInto(Sound):
    def query(self, X, y, clf, **kwargs):
        chosen = super().query(X, y, clf, **kwargs)
        self.write(X, y, clf)
        return chosen


class WritesX(WritesInto):
    def write(self, X, y, clf):
        X += 1


class WritesY(WritesInto):
    def write(self, X, y, clf):
        y[:] = 0


class WritesClassifier(WritesInto):
    def write(self, X, y, clf):
        clf.seen_ = True


class DrawsFromNumpy(Sound):
    def values(self, rows, clf):
        np.random.rand()  # noqa: NPY002 - the mistake that is to be found
        return super().values(rows, clf)


class DrawsFromTorch(Sound):
    def values(self, rows, clf):
        torch.rand(1)
        return super().values(rows, clf)


class OneTooFew(Sound):
    def query(self, X, y, clf, *, batch_size=1, **kwargs):
        return super().query(X, y, clf, batch_size=max(1, batch_size - 1), **kwargs)


class Floats(Sound):
    def query(self, X, y, clf, **kwargs):
        return super().query(X, y, clf, **kwargs) * 1.0


class Twice(Sound):
    def query(self, X, y, clf, **kwargs):
        chosen = super().query(X, y, clf, **kwargs)
        chosen[-1] = chosen[0]
        return chosen


class IgnoresLabels(Sound):
    def candidates(self, X, y, candidates):
        return super().candidates(X, np.full(len(X), np.nan), candidates)


class BelievesCandidates(Sound):
    def candidates(self, X, y, candidates):
        if candidates is None:
            return super().candidates(X, y, None)
        return super().candidates(X, np.full(len(X), np.nan), candidates)


class IgnoresPositions(Sound):
    def candidates(self, X, y, candidates):
        return super().candidates(X, y, candidates if np.ndim(candidates) > 1 else None)


class IgnoresForeign(Sound):
    def candidates(self, X, y, candidates):
        return super().candidates(X, y, None if np.ndim(candidates) > 1 else candidates)


class TablesOnly(Sound):
    def values(self, rows, clf):
        (_, _) = rows.shape
        return super().values(rows, clf)


class TakesImagesForPositions(Sound):
    def candidates(self, X, y, candidates):
        return super().candidates(X, y, None if np.ndim(candidates) > 2 else candidates)


class NumbersOnly(Sound):
    def candidates(self, X, y, candidates):
        return super().candidates(X, np.asarray(y, dtype=float), candidates)


class IgnoresMissingLabel(Sound):
    def __init__(self, missing_label=np.nan, random_state=None):
        self.missing_label = missing_label
        self.random_state = random_state

    def candidates(self, X, y, candidates):
        positions = np.flatnonzero(~is_missing(y, self.missing_label))
        if is_missing([self.missing_label], np.nan)[0]:
            return super().candidates(X, y, candidates)
        return X[positions], positions, len(X)


class SmallerBatch(Sound):
    def query(self, X, y, clf, *, batch_size=1, **kwargs):
        n_available = max(1, int(is_missing(y, np.nan).sum()))
        return super().query(X, y, clf, batch_size=min(batch_size, n_available), **kwargs)


class NothingIsFine(Sound):
    def query(self, X, y, clf, **kwargs):
        if not is_missing(y, np.nan).any():
            return np.empty(0, dtype=int)
        return super().query(X, y, clf, **kwargs)


class NoUtilities(Sound):
    def query(self, X, y, clf, *, return_utilities=False, **kwargs):
        return super().query(X, y, clf, **kwargs)


class UtilitiesOfCandidates(Sound):
    def query(self, X, y, clf, *, return_utilities=False, **kwargs):
        chosen, utilities = super().query(X, y, clf, return_utilities=True, **kwargs)
        return (chosen, utilities[~np.isnan(utilities)]) if return_utilities else chosen


class UtilitiesOfAll(Sound):
    def query(self, X, y, clf, *, return_utilities=False, **kwargs):
        chosen, utilities = super().query(X, y, clf, return_utilities=True, **kwargs)
        return (chosen, np.nan_to_num(utilities)) if return_utilities else chosen


BROKEN = [
    (ForgetsParameter(offset=3), "check_clone", "original"),
    (CountsInParameter(), "check_parameters_kept", "'offset': 1"),
    (NeverTheSame(), "check_determinism", "answered the same question with"),
    (HoldsLambda(), "check_pickling", "pickle"),
    (ForgetsOnPickling(), "check_pickling", "out of pickle"),
    (WritesX(), "check_inputs_unchanged", "changed X"),
    (WritesY(), "check_inputs_unchanged", "changed y"),
    (WritesClassifier(), "check_inputs_unchanged", "changed clf"),
    (DrawsFromNumpy(), "check_global_random_state", "numpy"),
    (DrawsFromTorch(), "check_global_random_state", "torch"),
    (OneTooFew(), "check_batch_size", "asked for 5 positions"),
    (Floats(), "check_batch_size", "dtype float64"),
    (Twice(), "check_no_index_twice", "more than once"),
    (IgnoresLabels(), "check_labelled_never_chosen", "candidates=None"),
    (BelievesCandidates(), "check_labelled_never_chosen", "candidates=all positions"),
    (IgnoresPositions(), "check_candidates_as_positions", "was to choose among"),
    (IgnoresForeign(), "check_foreign_candidates", "samples that are not in X"),
    (TablesOnly(), "check_images", "too many values to unpack"),
    (TakesImagesForPositions(), "check_images", "images that are not in X"),
    (NumbersOnly(), "check_string_labels", "could not convert string"),
    (IgnoresMissingLabel(), "check_missing_label", "missing_label=-1"),
    (SmallerBatch(), "check_batch_larger_than_pool", "should raise ValueError"),
    (NothingIsFine(), "check_exhausted_pool", "should raise ValueError"),
    (NoUtilities(), "check_utilities", "no pair"),
    (UtilitiesOfCandidates(), "check_utilities", "for 24 rows"),
    (UtilitiesOfAll(), "check_utilities", "finite utilities for the rows"),
]


def test_sound_toy():
    check_query_strategy(Sound())


@pytest.mark.touches_global_rng  # DrawsFromNumpy does, to be found
@pytest.mark.parametrize(("strategy", "name", "message"), BROKEN)
def test_each_broken_promise_is_seen(strategy, name, message):
    with pytest.raises(Exception, match=message):  # toys break in many ways; the message tells
        dict(query_strategy_checks(strategy))[name]()


def test_every_check_of_pools_has_a_toy_that_breaks_it():
    assert {name for _, name, _ in BROKEN} == {name for name, _ in query_strategy_checks(Sound())}


class SoundDesign(SynthesisStrategy):
    """Keeps all promises: samples of zeros."""

    def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
        return self.made(X, batch_size)

    def made(self, X, n):
        return Synthesis(np.zeros((n, *X.shape[1:]), X.dtype), np.zeros((n, 2)))


class OneSample(SoundDesign):
    def made(self, X, n):
        return super().made(X, 1)


class OneLatentPoint(SoundDesign):
    def made(self, X, n):
        return Synthesis(super().made(X, n).X, np.zeros((1, 2)))


class Doubles(SoundDesign):
    def made(self, X, n):
        synthesis = super().made(X, n)
        return synthesis._replace(X=synthesis.X.astype(float))


class Infinite(SoundDesign):
    def made(self, X, n):
        synthesis = super().made(X, n)
        return synthesis._replace(X=synthesis.X + np.inf)


class Flattens(SoundDesign):
    def made(self, X, n):
        synthesis = super().made(X, n)
        return synthesis._replace(X=synthesis.X.reshape(n, -1))


class NumericDesign(SoundDesign):
    def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
        np.asarray(y, dtype=float)
        return self.made(X, batch_size)


@pytest.mark.parametrize(
    ("strategy", "name", "message"),
    [
        (OneSample(), "check_as_many_samples", "was asked for 5 samples"),
        (OneLatentPoint(), "check_as_many_samples", r"latent \(1, 2\)"),
        (Doubles(), "check_samples_like_those_of_x", "float64"),
        (Infinite(), "check_samples_like_those_of_x", "infinite"),
        (Flattens(), "check_designed_images", r"shape \(64,\)"),
        (NumericDesign(), "check_labels_that_are_strings", "could not convert string"),
    ],
)
def test_each_broken_promise_of_a_design_is_seen(strategy, name, message):
    check_query_strategy(SoundDesign())
    with pytest.raises((AssertionError, ValueError), match=message):
        dict(query_strategy_checks(strategy))[name]()


def test_error_names_the_check():
    with pytest.raises(AssertionError) as error:
        check_query_strategy(Twice())
    assert error.value.__notes__ == [
        "It breaks check_no_index_twice: No sample is chosen twice, even if all are to be chosen."
    ]


def test_expected_failures():
    check_query_strategy(TablesOnly(), expected_failures={"check_images": "a table is a table"})
    with pytest.raises(AssertionError, match="keeps the promise; take it off"):
        check_query_strategy(Sound(), expected_failures={"check_images": "no reason"})
    with pytest.raises(ValueError, match=r"\['check_taste'\], which are no checks"):
        check_query_strategy(Sound(), expected_failures={"check_taste": "no reason"})


class TrainsOn(UncertaintySampling):
    def query(self, X, y, clf, **kwargs):
        with seeded_torch(0):
            clf.partial_fit(X, np.arange(len(X)) % 2)
        return super().query(X, y, clf, **kwargs)


def test_a_net_that_predicts_is_unchanged_and_one_that_learns_is_not():
    with seeded_torch(0):
        net = NeuralNetClassifier(
            torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Dropout()),
            criterion=torch.nn.CrossEntropyLoss, max_epochs=1, train_split=None, verbose=0,
        )  # fmt: skip
    dict(query_strategy_checks(UncertaintySampling(), clf=net))["check_inputs_unchanged"]()
    with pytest.raises(AssertionError, match="TrainsOn changed clf"):
        dict(query_strategy_checks(TrainsOn(), clf=net))["check_inputs_unchanged"]()


def test_what_is_no_strategy():
    with pytest.raises(TypeError, match="LogisticRegression has neither"):
        check_query_strategy(LogisticRegression())
