"""How a model of any kind is fitted: to hard, soft and weighted labels, nets included.

Nothing here imports torch unless the estimator is a net.
"""

import re
from contextlib import contextmanager

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier, is_regressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skgal.base import DocumentedMixin
from skgal.features import in_precision_of
from skgal.utils import (
    HasMethods,
    _estimator_has,
    as_label_array,
    as_random_state,
    draw_seed,
    is_net,
    last_step,
    nets_in,
    observed_labels,
    restored_on_failure,
    seed_unset,
    seeded_nets,
    stopped_by_interrupt,
    take_rows,
    unshared,
    warn_of_text_for_missing,
)


@stopped_by_interrupt()
def fit_estimator(
    estimator, X, y, *, proba=None, classes=None, sample_weight=None, number_outputs=True
):
    r"""Fit an estimator to hard, soft or weighted labels.

    - Hard labels of equal weight are an ordinary ``estimator.fit(X, y)``.
    - A scikit-learn classifier learns a soft label :math:`p` of weight :math:`w` from one copy
      of the sample for each class with :math:`p_k > 0`, of weight :math:`w p_k`. Any loss that
      is a weighted sum over samples becomes its expectation over :math:`p`.
    - A skorch net trains on the probabilities as they are, scaled by the weights. Labels that
      don't number its outputs are encoded, numbers get the dtype that torch expects.
    - A regressor gets weights as ``sample_weight``.

    Parameters
    ----------
    estimator : classifier, regressor, or Pipeline that ends in one
        Fitted in place.
    X : array, sparse matrix or DataFrame of n_samples rows
        Arrays of float64 are cast for nets, see :func:`cast_for_nets`.
    y : ndarray of shape (n_samples,), or (n_samples, n_outputs) for a regressor
        Class labels (of soft labels the most probable class) or numbers.
    proba : ndarray of shape (n_samples, n_classes) or None, default=None
        Class probabilities, where labels are soft.
    classes : ndarray of shape (n_classes,) or None, default=None
        All classes, sorted, those without a label included; None: those in y.
    sample_weight : ndarray of shape (n_samples,) or None, default=None
        None is the same weight for all.
    number_outputs : bool, default=True
        Whether labels that are whole numbers from 0 number the outputs of a net, as torch has it,
        so that a class without samples so far keeps its output. False: all labels are encoded.

    Returns
    -------
    LabelEncoder or None
        Turns the predictions of a net into class labels; None where they are such already.

    Raises
    ------
    TypeError
        If labels are soft or weighted and the estimator can't learn from these.
    ValueError
        If a net has too few outputs for the labels, can't compute with samples of their dtype, or
        sets more of them apart for validation than there are.

    See Also
    --------
    check_fit_support : Tells beforehand what cannot be learnt.
    AnyEstimator : Fits and reads a model.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from skgal.classifiers import fit_estimator
    >>> model = DummyClassifier()
    >>> fit_estimator(
    ...     model, np.zeros((2, 1)), np.array([0, 1]), proba=np.array([[1, 0], [0.5, 0.5]])
    ... )
    >>> model.class_prior_.tolist()
    [0.75, 0.25]
    """
    X = cast_for_nets(estimator, X)
    if sample_weight is None:
        sample_weight = np.ones(len(y))
    if classes is None and is_classifier(estimator):
        classes = np.unique(y)
    soft, weighted = proba is not None, bool(np.any(sample_weight != sample_weight[0]))
    check_fit_support(estimator, soft=soft, weighted=weighted)
    last = last_step(estimator)
    nets = nets_in(last)
    if is_net(last):
        with _explained_errors(nets):
            if not is_classifier(last):
                # skorch's regressors expect columns of the dtype that their module puts out.
                estimator.fit(X, y.astype(np.float32).reshape(len(y), -1))
                return None
            if weighted and not soft:
                proba = one_hot(y, classes)
            return _fit_net(estimator, X, y, proba, classes, sample_weight, number_outputs)
    encoder = None
    if is_classifier(last) and nets and not soft:
        # A search or an ensemble of nets hands on the labels that it is given.
        if not (number_outputs and _are_outputs(classes)):
            encoder = LabelEncoder().fit(classes)
            y = encoder.transform(y)
        y = y.astype(np.float32 if _is_binary(nets[0]) else np.int64)
    if soft:
        rows, columns = np.nonzero(proba)
        weights = sample_weight[rows] * proba[rows, columns]
        X, y, weighted = take_rows(X, rows), classes[columns], True
    else:
        weights = sample_weight
    with _explained_errors(nets):
        estimator.fit(X, y, **({_weight_parameter(estimator): weights} if weighted else {}))
    return encoder


def check_fit_support(estimator, *, soft=False, weighted=False):
    """Refuse labels that an estimator can't learn from, before they are paid for.

    A regressor without ``sample_weight`` can't learn from weighted samples, for example; that
    should not turn out after the first batch of labels.

    Parameters
    ----------
    estimator : estimator
        What is to learn from the labels.
    soft : bool, default=False
        Whether labels may be class probabilities.
    weighted : bool, default=False
        Whether samples have different weights.

    Raises
    ------
    TypeError

    See Also
    --------
    fit_estimator : Fits what was checked.
    skgal.active.ActiveLearner : Checks before labels are paid for.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skgal.classifiers import check_fit_support
    >>> check_fit_support(LogisticRegression(), weighted=True)
    >>> try:
    ...     check_fit_support(KNeighborsClassifier(), weighted=True)
    ... except TypeError:
    ...     print("no sample_weight")
    no sample_weight
    """
    last = last_step(estimator)
    if not (soft or weighted):
        return
    labels = "soft labels" if soft else "synthetic_weight"
    if is_net(last):
        if not is_classifier(last):
            raise TypeError(
                f"{type(last).__name__} can't learn from weighted samples; use "
                "synthetic_weight=1, or a scikit-learn regressor with sample_weight."
            )
        from skgal.classifiers._nets import accept_soft_targets

        accept_soft_targets(clone(last))
    elif not has_fit_parameter(last, "sample_weight"):
        raise TypeError(
            f"{type(last).__name__}.fit takes no sample_weight, which {labels} need; use hard "
            "labels and synthetic_weight=1, or an estimator that takes sample_weight."
        )


def cast_for_nets(estimator, X):
    """Cast an array of float64 to float32 if an estimator is a net, or has one inside.

    Users' tables are mostly float64, and torch refuses to multiply them by float32 weights.
    An estimator that overwrites its samples, as ``StandardScaler(copy=False)`` does, gets a copy.

    Parameters
    ----------
    estimator : estimator
        Fitted or not. Where the weights of its net are known to be float64, nothing is cast.
    X : object
        Samples; only arrays are cast.

    Returns
    -------
    object
        X, or a copy of it.

    See Also
    --------
    AnyEstimator : Casts by it.
    skgal.features.in_precision_of : Casts for a fitted transformer.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.classifiers import cast_for_nets
    >>> cast_for_nets(LogisticRegression(), np.ones((2, 1))).dtype
    dtype('float64')
    """
    nets = nets_in(estimator) if isinstance(X, np.ndarray) else []
    return unshared(estimator, in_precision_of(nets[0], X) if nets else X)


def one_hot(y, classes):
    """Write plain labels as class probabilities.

    So that plain labels can stand in one array with class probabilities.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Class labels.
    classes : ndarray of shape (n_classes,)
        Sorted; every label of y among them.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        1 in the column of a sample's class, else 0.

    See Also
    --------
    weighted_targets : Scales them.
    fit_estimator : Takes them.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.classifiers import one_hot
    >>> one_hot(np.array(["b", "a"]), np.array(["a", "b", "c"]))
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    return np.eye(len(classes))[np.searchsorted(classes, y)]


def _fit_net(estimator, X, y, proba, classes, sample_weight, number_outputs):
    """Fit a net that classifies to labels, or to probabilities; return the encoder of labels."""
    net = last_step(estimator)
    is_binary = _is_binary(net)
    encoder, outputs = None, classes
    if not (number_outputs and _are_outputs(classes)):
        encoder = LabelEncoder().fit(classes)
        outputs = np.arange(len(classes))
        if not is_binary:
            net.set_params(classes=classes)
    outputs = outputs.astype(np.int64)
    if proba is None:
        targets = outputs[np.searchsorted(classes, y)]
        targets = targets.astype(np.float32) if is_binary else targets
    else:
        targets = _soft_targets(net, proba, outputs, sample_weight)
    estimator.fit(X, targets)
    # Two samples, since a module may squeeze a batch of one.
    n_outputs = estimator.predict_proba(take_rows(X, [0, 0])).shape[1]
    if n_outputs <= outputs.max():
        raise ValueError(
            f"Labels number the outputs of a net, from 0 up to {outputs.max()} here, but it has "
            f"{n_outputs}; give its module one output for each class, or number the labels from 0."
        )
    return encoder


def _soft_targets(net, proba, outputs, sample_weight):
    """Prepare a net for probabilities, and make a column of them for each of its outputs."""
    from skgal.classifiers._nets import accept_soft_targets, weighted_targets

    accept_soft_targets(net)
    n_outputs = outputs.max() + 1
    if net.classes is None:
        # skorch would look for the classes among the probabilities.
        net.set_params(classes=np.arange(n_outputs))
    spread = np.zeros((len(proba), n_outputs))
    spread[:, outputs] = proba
    return weighted_targets(spread, sample_weight)


@contextmanager
def _explained_errors(nets):
    """Say what to do about errors of torch and skorch that the choice of net or samples causes."""
    try:
        yield
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        advice = _advice(nets[0], str(error)) if nets else None
        if advice is None:
            raise
        raise ValueError(f"{advice} {type(nets[0]).__name__} failed with: {error}") from error


def _advice(net, message):
    if re.search(r"Target \d+ is out of bounds|target out of range", message):
        return (
            "Labels number the outputs of a net, the first of which is 0, and its module has too "
            "few: give it one output more than the largest label, or number the labels from 0."
        )
    if re.search(r"same (dtype|datatype)|Input type .* should be the same", message):
        return (
            "Samples must have the dtype of a net's weights, float32: pass X.astype(np.float32), "
            "or convert them in a Pipeline before the net."
        )
    if re.search(r"unexpected keyword argument|keywords must be strings", message):
        return (
            "To skorch the columns of a data frame are arguments of the module, each by its name: "
            "pass X.to_numpy(np.float32), or convert it in a Pipeline before the net."
        )
    if re.search(r"desired output type Long", message):
        return (
            "A NeuralNetBinaryClassifier learns floats, and an ensemble of scikit-learn hands it "
            "integers: use skgal.classifiers.EnsembleClassifier, or a NeuralNetClassifier with two "
            "outputs."
        )
    if re.match(r"n_splits=|Cannot have number of splits", message) and net.train_split:
        return (
            "The net's train_split keeps samples for validation, and there are too few labels for "
            "that: pass train_split=None, so that it learns from all, or begin with more labels."
        )
    return None


def _read_labels(y):
    """Return labels of any container in the dtype of their values."""
    y = as_label_array(y)
    warn_of_text_for_missing(y)
    return observed_labels(y) if y.dtype == object else y


def _are_outputs(classes):
    """Whether class labels number the outputs of a net, as torch has it."""
    return classes.dtype.kind in "iuf" and np.all((classes >= 0) & (classes == np.round(classes)))


def _is_binary(net):
    """Whether a net has one output, which learns floats, as NeuralNetBinaryClassifier has."""
    return not hasattr(net, "classes")


def _weight_parameter(estimator):
    """Name under which ``fit`` hands sample weights to the last step of a Pipeline."""
    steps = []
    while isinstance(estimator, Pipeline):
        step, estimator = estimator.steps[-1]
        steps.append(step)
    return "__".join([*steps, "sample_weight"])


class AnyEstimator(DocumentedMixin, MetaEstimatorMixin, BaseEstimator):
    """Fit and read any classifier or regressor as scikit-learn's are, skorch nets included.

    A net gets class labels of any kind as numbers of its outputs, samples in its precision and a
    seed; predictions are labels again. Other estimators are seeded, and otherwise left alone.

    Parameters
    ----------
    estimator : classifier or regressor
        A skorch net, a scikit-learn estimator or a Pipeline. Cloned by ``fit``.
    random_state : int, RandomState instance or None, default=None
        Decides what has no seed of its own in the estimator, the weights of nets included.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    label_encoder_ : LabelEncoder or None
        What turns the predictions of a net into class labels, where they are no such.
    classes_ : ndarray of shape (n_classes,)
        The class labels; only of classifiers.

    See Also
    --------
    fit_estimator : Fits with hard, soft or weighted labels.
    check_fit_support : Asks beforehand whether it can.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skorch import NeuralNetClassifier
    >>> from skgal.classifiers import AnyEstimator
    >>> net = NeuralNetClassifier(
    ...     torch.nn.Linear,
    ...     module__in_features=1,
    ...     module__out_features=2,
    ...     criterion=torch.nn.CrossEntropyLoss,
    ...     lr=1.0,
    ...     train_split=None,
    ...     verbose=0,
    ... )
    >>> X = np.array([[-2.0], [-1.0], [1.0], [2.0]])  # float64, and labels are strings
    >>> model = AnyEstimator(net, random_state=0).fit(X, ["no", "no", "yes", "yes"])
    >>> model.predict(X).tolist()
    ['no', 'no', 'yes', 'yes']
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit"])],
        "random_state": ["random_state"],
    }

    def __init__(self, estimator, *, random_state=None):
        self.estimator = estimator
        self.random_state = random_state

    @restored_on_failure
    def fit(self, X, y, sample_weight=None):
        """Fit a clone of the estimator.

        Parameters
        ----------
        X : array, sparse matrix or DataFrame of n_samples samples
            Samples, as the estimator takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Handed on to the estimator.

        Returns
        -------
        self
            This wrapper, with the fitted clone.

        Raises
        ------
        TypeError, ValueError
            As :func:`fit_estimator`.
        """
        self._validate_params()
        rng = as_random_state(self.random_state)
        estimator = seed_unset(clone(self.estimator), rng)
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight, dtype=np.float64)
        with seeded_nets(estimator, draw_seed(rng)):
            self.label_encoder_ = fit_estimator(
                estimator,
                X,
                _read_labels(y),
                sample_weight=sample_weight,
                number_outputs=False,
            )
        self.estimator_ = estimator
        if is_classifier(estimator):
            self.classes_ = (self.label_encoder_ or estimator).classes_
        return self

    def _call(self, method, X, *, seed=0, **params):
        """Call a method of the estimator; what draws in it, as dropout left on does, has a seed."""
        check_is_fitted(self)
        with seeded_nets(self.estimator_, seed):
            y = getattr(self.estimator_, method)(cast_for_nets(self.estimator_, X), **params)
        if method == "predict_proba" and self.label_encoder_ is not None:
            n_classes = len(self.classes_)
            if y.shape[1] == n_classes:
                return y
            y = y[:, :n_classes]  # a net may have outputs that no class uses
            return y / y.sum(axis=1, keepdims=True)
        is_column = isinstance(y, np.ndarray) and y.shape[1:] == (1,)
        return y[:, 0] if method == "predict" and is_regressor(self) and is_column else y

    def predict(self, X, **params):
        """Predict class labels or numbers.

        Parameters
        ----------
        X : array-like of n_samples samples
            Samples, as the estimator takes them.
        **params : dict
            Handed on, such as ``return_std``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            What the fitted estimator predicts.
        """
        if self.label_encoder_ is not None:
            return self.classes_[self.predict_proba(X).argmax(axis=1)]
        return self._call("predict", X, **params)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Predict class probabilities, one column for each of ``classes_``.

        Parameters
        ----------
        X : array-like of n_samples samples

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self._call("predict_proba", X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X):
        """Signed distance to the decision boundary, as the estimator defines it.

        Parameters
        ----------
        X : array-like of n_samples samples

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._call("decision_function", X)

    def score(self, X, y, sample_weight=None):
        """Score predictions: accuracy of a classifier, R² of a regressor.

        Parameters
        ----------
        X : array-like of n_samples samples
            Samples, as the estimator takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts.

        Returns
        -------
        float
            Higher is better.
        """
        measure = accuracy_score if is_classifier(self) else r2_score
        return measure(_read_labels(y), self.predict(X), sample_weight=sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = inner.classifier_tags
        tags.regressor_tags = inner.regressor_tags
        tags.target_tags = inner.target_tags
        tags.input_tags = inner.input_tags
        return tags
