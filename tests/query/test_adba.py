import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from skorch import NeuralNetClassifier

from skgal.active import ActiveLearner
from skgal.base import Synthesis
from skgal.query import ADBA, label_lines

RNG = np.random.RandomState(0)
X = RNG.uniform(-1, 1, size=(80, 3)).astype(np.float32)
X[:, 2] = 0  # where the toy generator's padding is
y = np.where(X[:, 0] + 0.5 * X[:, 1] > 0.1, 1.0, 0.0)
SHOWN = np.where(np.arange(80) < 30, y, np.nan)


def lines_of(toys, batch_size=22, shown=SHOWN, X=X, **kwargs):
    strategy = ADBA(toys.Invertible(), random_state=0, **kwargs).fit(X)
    return strategy.synthesize(X, shown, None, batch_size=batch_size)


def boundary():
    model = LogisticRegression().fit(X[:30, :2], y[:30])
    norm = np.linalg.norm(model.coef_)
    return model, model.coef_[0] / norm, norm


def test_lines_cross_the_boundary_at_a_right_angle(toys):
    synthesis = lines_of(toys)
    model, normal, norm = boundary()
    assert_array_equal(synthesis.line, np.repeat([0, 1], 11))
    for line in range(2):
        on_it = synthesis.line == line
        points, position = synthesis.latent[on_it], synthesis.position[on_it]
        steps = np.diff(points, axis=0)
        assert_allclose(
            steps / np.linalg.norm(steps, axis=1, keepdims=True), [normal] * 10, atol=1e-5
        )
        assert_allclose(np.diff(position), np.linalg.norm(steps, axis=1), atol=1e-5)
        assert_allclose(position, model.decision_function(points) / norm, atol=1e-5)
        assert position[0] < 0 < position[-1]
        assert np.abs(points).max() <= 1


def test_lines_go_through_the_most_uncertain_samples(toys):
    synthesis = lines_of(toys, n_candidates=1000)
    model, normal, _ = boundary()
    unlabelled = X[30:, :2]
    nearest = unlabelled[np.argsort(np.abs(model.decision_function(unlabelled)))[:2]]
    along = np.array([-normal[1], normal[0]])
    for line, sample in enumerate(nearest):
        points = synthesis.latent[synthesis.line == line]
        assert_allclose(points @ along, sample @ along, atol=1e-5)


def test_batches_of_any_size(toys):
    for batch_size, sizes in {1: [1], 3: [3], 12: [6, 6], 23: [8, 8, 7]}.items():
        synthesis = lines_of(toys, batch_size=batch_size)
        assert len(synthesis.X) == batch_size
        assert np.bincount(synthesis.line).tolist() == sizes
    assert_allclose(lines_of(toys, batch_size=1).position, 0, atol=1e-6)


def test_more_lines_than_unlabelled_samples(toys):
    shown = np.where(np.arange(80) < 79, y, np.nan)
    assert lines_of(toys, batch_size=30, n_points=10, shown=shown).line.max() == 2
    assert lines_of(toys, batch_size=30, n_points=10, shown=y).line.max() == 2


def test_rounds_differ_and_can_be_repeated(toys):
    first, again = lines_of(toys, n_candidates=5), lines_of(toys, n_candidates=5)
    assert_array_equal(first.latent, again.latent)
    grown = np.concatenate([X, first.X])
    shown = np.concatenate([SHOWN, np.zeros(11), np.ones(11)])
    second = lines_of(toys, n_candidates=5, X=grown, shown=shown)
    assert (first.latent != second.latent).any()


def test_other_latent_classifiers_and_labels(toys):
    shown = np.where(np.isnan(SHOWN), None, np.where(y == 1, "seven", "five"))
    synthesis = lines_of(toys, shown=shown, latent_classifier=LinearSVC(random_state=0))
    soft = np.column_stack([1 - SHOWN, SHOWN])
    assert synthesis.X.shape == (22, 3)
    assert_array_equal(lines_of(toys, shown=soft).latent, lines_of(toys).latent)


def test_the_latent_classifier_is_seeded_and_left_alone(toys):
    model = SGDClassifier(max_iter=5, tol=None)  # its draws, were they not seeded, would differ
    first, again = (lines_of(toys, latent_classifier=model).latent for _ in range(2))
    assert_array_equal(first, again)
    assert model.random_state is None
    assert not hasattr(model, "coef_")


def test_latent_classifiers_that_are_not_linear_are_refused(toys):
    net = NeuralNetClassifier(torch.nn.LazyLinear, module__out_features=2, max_epochs=1, verbose=0)
    for model in (DecisionTreeClassifier(), net.set_params(train_split=None)):
        with pytest.raises(
            TypeError, match=r"must be linear.*LogisticRegression\(\) and LinearSVC"
        ):
            lines_of(toys, shown=np.where(SHOWN == 1, "yes", "no"), latent_classifier=model)


def test_missing_label(toys):
    shown = np.where(np.isnan(SHOWN), "?", np.where(y == 1, "seven", "five"))
    synthesis = lines_of(toys, shown=shown, missing_label="?")
    assert_array_equal(synthesis.latent, lines_of(toys).latent)


def test_unbounded_latent_space(toys):
    strategy = ADBA(toys.Invertible(distribution="normal"), random_state=0).fit(X)
    synthesis = strategy.synthesize(X, SHOWN, None, batch_size=11)
    assert np.isfinite(synthesis.latent).all()
    model, _, norm = boundary()
    reach = model.decision_function(X[:, :2]) / norm
    assert synthesis.position.min() >= reach.min() - 1e-6
    assert synthesis.position.max() <= reach.max() + 1e-6


def test_labels_of_lines(toys):
    synthesis = lines_of(toys)
    labels = label_lines(synthesis, [0.0, np.inf], ["five", "seven"])
    assert_array_equal(labels[:11] == "seven", synthesis.position[:11] > 0)
    assert set(labels[11:]) == {"five"}
    declined = label_lines(synthesis, [np.nan, 0.0], [0, 1])
    assert np.isnan(declined).tolist() == [True] * 11 + [False] * 11


def test_bad_labels_of_lines(toys):
    with pytest.raises(ValueError, match="each of the 2 lines"):
        label_lines(lines_of(toys), [0.0], [0, 1])
    with pytest.raises(ValueError, match="before the turn"):
        label_lines(lines_of(toys), [0.0, 0.0], [0, 1, 2])
    with pytest.raises(ValueError, match="has no lines"):
        label_lines(Synthesis(X, X), [0.0], [0, 1])


def test_a_learner_labels_whole_lines(toys):
    def oracle(samples):
        return np.where(samples[:, 0] + 0.5 * samples[:, 1] > 0.1, 1.0, 0.0)

    learner = ActiveLearner(
        LogisticRegression(), ADBA(toys.Invertible(), random_state=0), oracle=oracle,
        batch_size=11, budget=33, random_state=0,
    ).fit(X[:30], y[:30])  # fmt: skip
    assert learner.score(X, y) > 0.9


def test_two_classes_only(toys):
    three = np.where(X[:30, 1] > 0.5, 2.0, y[:30])
    with pytest.raises(ValueError, match=r"for two classes.*y has 3: \[0, 1, 2\]"):
        lines_of(toys, X=X[:30], shown=three)
    with pytest.raises(ValueError, match=r"y has 1: \[0\]"):
        lines_of(toys, shown=np.where(SHOWN == 0, 0, np.nan))
    with pytest.raises(ValueError, match="y has no labels"):
        lines_of(toys, shown=np.full(80, np.nan))


def test_bad_models_and_generators(toys):
    strategy = ADBA(toys.Invertible(), random_state=0).fit(X)
    with pytest.raises(NotFittedError):
        strategy.synthesize(X, SHOWN, LogisticRegression())
    with pytest.raises(TypeError, match="LinearRegression is a regressor"):
        strategy.synthesize(X, SHOWN, LinearRegression().fit(X, y))
    with pytest.raises(TypeError, match="needs a generator with an encoder"):
        ADBA(toys.Generator()).fit(X)
