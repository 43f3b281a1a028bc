"""Rounds are scored by whatever the user likes; ALCG's loop by what its generator draws."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss

from skgal.active import ActiveLearner
from skgal.generators import ACGAN, GenerationScorer
from skgal.metrics import frechet_distance, inception_score
from skgal.nn import Dense
from skgal.query import CertaintySampling, RandomSampling

X, Y = load_iris(return_X_y=True)
POOL, HELD_OUT = np.arange(150) % 3 > 0, np.arange(150) % 3 == 0


def learner(**kwargs):
    clf = LogisticRegression(max_iter=500)
    return ActiveLearner(clf, RandomSampling(), budget=10, random_state=0, **kwargs)


def fit(learner):
    return learner.fit(X[POOL], Y[POOL], X_val=X[HELD_OUT], y_val=Y[HELD_OUT])


def test_further_measures_are_columns_of_the_history():
    fitted = fit(learner(scoring=["f1_macro", "neg_log_loss"]))
    last, (X_val, y_val) = fitted.history_[-1], (X[HELD_OUT], Y[HELD_OUT])
    assert last["f1_macro"] == f1_score(y_val, fitted.predict(X_val), average="macro")
    assert last["neg_log_loss"] == pytest.approx(-log_loss(y_val, fitted.predict_proba(X_val)))
    assert "f1_macro" in fit(learner(scoring="f1_macro")).history_[0]
    named = fit(learner(scoring={"size": lambda estimator, X, y: len(X)}))
    assert [row["size"] for row in named.history_] == [50, 50]


def test_measures_need_held_out_samples():
    with pytest.raises(ValueError, match="pass X_val and y_val to fit, or scoring=None"):
        learner(scoring="f1_macro").fit(X, Y)


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        (lambda estimator, X, y: 0.5, "must return a dict"),
        ({"score": "accuracy"}, r"measures \['score'\]"),
    ],
)
def test_measures_that_can_t_be_entered(scoring, message):
    with pytest.raises(ValueError, match=message):
        fit(learner(scoring=scoring))


def test_the_loop_of_alcg():
    """ALCG, Algorithm 1: an AC-GAN is the classifier, and asks for what it is surest of."""
    judge = LogisticRegression(max_iter=500).fit(X[HELD_OUT], Y[HELD_OUT])
    acgan = ACGAN(
        latent_dim=4,
        adversarial_sampling=4,
        max_iter=60,
        batch_size=16,
        architecture=Dense(hidden=(16,)),
        learning_rate=0.01,
    )
    alcg = ActiveLearner(
        acgan,
        CertaintySampling("most_confidence"),
        n_initial=30,
        batch_size=10,
        budget=10,
        scoring=GenerationScorer(judge),
        random_state=0,
    )
    fit(alcg)
    assert [row["n_labels"] for row in alcg.history_] == [30, 40]
    for row in alcg.history_:
        assert row["neg_frechet_distance"] < 0
        assert 1 <= row["inception_score"] <= 3
        assert 0 <= row["gan_test"] <= 1
        assert 0 <= row["gan_train"] <= 1
    drawn, classes = alcg.estimator_.sample(y=Y[HELD_OUT], random_state=0)
    proba = judge.predict_proba(drawn)
    last = alcg.history_[-1]
    assert last["neg_frechet_distance"] == -frechet_distance(X[HELD_OUT], drawn)
    assert last["inception_score"] == inception_score(proba)
    assert last["gan_test"] == np.mean(judge.predict(drawn) == classes)


def test_alcg_asks_for_what_it_is_surest_of():
    acgan = ACGAN(
        latent_dim=4, max_iter=60, batch_size=16, architecture=Dense(hidden=(16,)), random_state=0
    ).fit(X[:100:2], Y[:100:2])
    y = np.full(150, np.nan)
    y[:100:2] = Y[:100:2]
    chosen = CertaintySampling("most_confidence").query(X, y, acgan, batch_size=10)
    certainty = acgan.predict_proba(X).max(axis=1)
    others = np.setdiff1d(np.flatnonzero(np.isnan(y)), chosen)
    assert certainty[chosen].min() >= certainty[others].max() - 1e-6


def test_what_can_t_be_scored_as_a_generator():
    judge = LogisticRegression(max_iter=500).fit(X, Y)
    with pytest.raises(TypeError, match="LogisticRegression has no method sample"):
        fit(learner(scoring=GenerationScorer(judge)))
