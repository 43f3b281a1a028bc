"""Models of earlier rounds, fitted again from the record."""

from copy import copy
from dataclasses import replace

import numpy as np
from sklearn.base import clone

from skgal.classifiers import fit_estimator, one_hot
from skgal.utils import seeded_nets, take_rows


def earlier_model(learner, n_labels):
    """Fit the model that a learner had when it knew fewer labels.

    Parameters
    ----------
    learner : ActiveLearner
        Fitted.
    n_labels : int
        The number of labels then, initial ones included.

    Returns
    -------
    ActiveLearner
        A shallow copy of the learner, to predict with.
    """
    labelled = _first_labels(learner.labelled_, n_labels)
    weights = np.where(labelled.is_synthetic, learner.synthetic_weight, 1.0)
    estimator = clone(learner._template)
    with seeded_nets(estimator, learner._net_seed):
        encoder = fit_estimator(
            estimator,
            labelled.X,
            labelled.y,
            proba=labelled.proba,
            classes=labelled.classes,
            sample_weight=weights,
        )
    earlier = copy(learner)
    earlier.estimator_, earlier.label_encoder_, earlier.labelled_ = estimator, encoder, labelled
    return earlier


def _first_labels(labelled, n_labels):
    if n_labels == len(labelled):
        return labelled
    first = slice(n_labels)
    proba = labelled.proba
    if proba is not None:
        proba = proba[first]
        # One-hot rows stand beside soft labels only: before the first soft one all were plain.
        if np.array_equal(proba, one_hot(labelled.y[first], labelled.classes)):
            proba = None
    return replace(
        labelled,
        X=take_rows(labelled.X, np.arange(n_labels)),
        y=labelled.y[first],
        indices=labelled.indices[first],
        proba=proba,
        latent=None if labelled.latent is None else labelled.latent[first],
    )
