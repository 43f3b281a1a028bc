"""How a model is taught: hard, soft and weighted labels for any kind of estimator."""

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.validation import has_fit_parameter

from skgal.active._net_errors import explained_errors
from skgal.active._record import one_hot
from skgal.utils import nets_in, take_rows


def fit_estimator(estimator, labelled, sample_weight):
    r"""Fit an estimator to hard, soft or weighted labels.

    - Hard labels of equal weight are an ordinary ``estimator.fit(X, y)``.
    - A scikit-learn classifier learns a soft label :math:`p` of weight :math:`w` from one copy
      of the sample for each class with :math:`p_k > 0`, of weight :math:`w p_k`. Any loss that
      is a weighted sum over samples becomes its expectation over :math:`p`.
    - A skorch net trains on the probabilities as they are, scaled by the weights.
    - A regressor gets weights as ``sample_weight``.

    Parameters
    ----------
    estimator : classifier, regressor, or Pipeline that ends in one
        Fitted in place.
    labelled : LabelledSet
    sample_weight : ndarray of shape (n_labelled,)

    Returns
    -------
    LabelEncoder or None
        What turns the predictions of a net into class labels; None where they are such.

    Raises
    ------
    TypeError
        If labels are soft or weighted and the estimator can't learn from such.
    ValueError
        If a net has too few outputs for the labels, can't compute with samples of their dtype, or
        sets more of them apart for validation than there are.
    """
    soft = labelled.proba is not None
    weighted = bool(np.any(sample_weight != sample_weight[0]))
    check_teachable(estimator, soft=soft, weighted=weighted)
    last = _last_step(estimator)
    if _is_net(last):
        with explained_errors(last):
            return _fit_net(estimator, labelled, sample_weight, plain=not (soft or weighted))
    if soft:
        _fit_copies(estimator, labelled, sample_weight)
    elif weighted:
        weights = {_weight_parameter(estimator): sample_weight}
        estimator.fit(labelled.X, labelled.y, **weights)
    else:
        estimator.fit(labelled.X, labelled.y)
    return None


def check_teachable(estimator, *, soft, weighted):
    """Refuse, before anything is bought, labels that an estimator can't learn from.

    Parameters
    ----------
    estimator : estimator
    soft : bool
        Whether oracles may answer with class probabilities.
    weighted : bool
        Whether samples have different weights.

    Raises
    ------
    TypeError
    """
    last = _last_step(estimator)
    if not (soft or weighted):
        return
    labels = "soft labels" if soft else "synthetic_weight"
    if _is_net(last):
        if not is_classifier(last):
            raise TypeError(
                f"{type(last).__name__} can't learn from weighted samples; use "
                "synthetic_weight=1, or a scikit-learn regressor with sample_weight."
            )
        # Not at the top: it imports torch, which only nets need.
        from skgal.classifiers import accept_soft_targets

        accept_soft_targets(clone(last))
    elif not has_fit_parameter(last, "sample_weight"):
        raise TypeError(
            f"{type(last).__name__}.fit takes no sample_weight, which {labels} need; use hard "
            "labels and synthetic_weight=1, or an estimator that takes sample_weight."
        )


def _fit_copies(estimator, labelled, sample_weight):
    rows, columns = np.nonzero(labelled.proba)
    weights = sample_weight[rows] * labelled.proba[rows, columns]
    estimator.fit(
        take_rows(labelled.X, rows),
        labelled.classes[columns],
        **{_weight_parameter(estimator): weights},
    )


def _fit_net(estimator, labelled, sample_weight, *, plain):
    net = _last_step(estimator)
    if not is_classifier(net):
        # skorch's regressors expect a column of the dtype that their module puts out.
        estimator.fit(labelled.X, labelled.y.astype(np.float32)[:, np.newaxis])
        return None
    # A NeuralNetBinaryClassifier has no such parameter; its one output is trained on floats.
    binary = not hasattr(net, "classes")
    encoder, columns = None, labelled.classes
    if not _are_outputs(columns):
        encoder = LabelEncoder().fit(columns)
        columns = np.arange(len(columns))
        if not binary:
            net.set_params(classes=labelled.classes)
    columns = columns.astype(np.int64)
    if plain:
        targets = columns[np.searchsorted(labelled.classes, labelled.y)]
        targets = targets.astype(np.float32) if binary else targets
    else:
        targets = _soft_targets(net, labelled, columns, sample_weight)
    estimator.fit(labelled.X, targets)
    _check_outputs(estimator, labelled.X, columns.max() + 1)
    return encoder


def _check_outputs(estimator, X, n_wanted):
    """Refuse a net without outputs for classes that only the oracle knows so far."""
    # Of two samples, since a module may squeeze a batch of one.
    n_outputs = estimator.predict_proba(take_rows(X, [0, 0])).shape[1]
    if n_outputs < n_wanted:
        raise ValueError(
            f"The labels have {n_wanted} classes, but the net has {n_outputs} outputs; give its "
            "module one output for each class, or number the classes from 0."
        )


def _soft_targets(net, labelled, columns, sample_weight):
    """Prepare a net for probabilities, and make a column of them for each of its outputs."""
    from skgal.classifiers import accept_soft_targets, weighted_targets

    accept_soft_targets(net)
    n_columns = columns.max() + 1
    if net.classes is None:
        # skorch would look for the classes among the probabilities.
        net.set_params(classes=np.arange(n_columns))
    proba = labelled.proba
    if proba is None:
        proba = one_hot(labelled.y, labelled.classes)
    spread = np.zeros((len(proba), n_columns))
    spread[:, columns] = proba
    return weighted_targets(spread, sample_weight)


def _are_outputs(classes):
    """Whether class labels number the outputs of a net, as torch has it."""
    return classes.dtype.kind in "iuf" and np.all((classes >= 0) & (classes == np.round(classes)))


def _is_net(estimator):
    """Whether an estimator is a net itself, not a search or an ensemble of nets."""
    return estimator in nets_in(estimator)


def _last_step(estimator):
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator


def _weight_parameter(estimator):
    """Name under which ``fit`` hands sample weights to the last step of a Pipeline."""
    steps = []
    while isinstance(estimator, Pipeline):
        step, estimator = estimator.steps[-1]
        steps.append(step)
    return "__".join([*steps, "sample_weight"])
