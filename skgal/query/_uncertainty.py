"""How unsure a model is of samples, one number a sample, and the strategies that rank by it.

Classifiers are read by ``predict_proba`` or ``decision_function``, regressors by a standard
deviation of their predictions. Only what labels can reduce counts: the noise that a Gaussian
process with a ``WhiteKernel`` knows of is left out.
"""

import inspect
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.special import softmax
from sklearn.base import clone, is_regressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import WhiteKernel
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skgal.classifiers import cast_for_nets
from skgal.metrics import (
    distance_uncertainty,
    entropy,
    least_confidence,
    margin_of_confidence,
    normalized_entropy,
    ratio_of_confidence,
)
from skgal.query._base import RankingStrategy
from skgal.utils import StrOptions, as_label_array, is_missing, seeded_nets, unwrap


def pseudo_probabilities(decisions):
    """Turn decision values into probabilities that rank samples alike, by softmax."""
    decisions = check_array(
        decisions, dtype=[np.float64, np.float32], ensure_2d=False, input_name="decisions"
    )
    if decisions.ndim == 1 or decisions.shape[1] == 1:
        decisions = decisions.reshape(-1, 1) * np.array([-0.5, 0.5], dtype=decisions.dtype)
    return softmax(decisions, axis=1)


def _score_decisions(score, decisions):
    return score(pseudo_probabilities(decisions))


def _odds_uncertainty(proba):
    """Minus the log-odds of the two most probable classes: the distance without a decision."""
    proba = check_array(proba, dtype=[np.float64, np.float32], input_name="proba")
    return distance_uncertainty(np.log(np.maximum(proba, np.finfo(proba.dtype).tiny)))


def _mutual_information(member_proba):
    """Entropy of the mean of members' probabilities, less the mean of their entropies."""
    entropies = np.mean([entropy(proba) for proba in member_proba], axis=0)
    return np.maximum(entropy(np.mean(member_proba, axis=0)) - entropies, 0.0)


# By the method of the classifier that is read, the preferred one first: how to turn what it
# returns into uncertainties. These are never negative, so that they can be a density (AISEL,
# equation 7).
DENSITY_MEASURES = {
    name: {"predict_proba": score, "decision_function": partial(_score_decisions, score)}
    for name, score in {
        "entropy": entropy,
        "normalized_entropy": normalized_entropy,
        "least_confidence": least_confidence,
        "margin_of_confidence": margin_of_confidence,
        "ratio_of_confidence": ratio_of_confidence,
    }.items()
} | {"mutual_information": {"predict_member_proba": _mutual_information}}
MEASURES = {
    **DENSITY_MEASURES,
    "min_distance": {
        "decision_function": distance_uncertainty,
        "predict_proba": _odds_uncertainty,
    },
}


def output_scales(y, missing_label):
    """Standard deviation of each of several outputs among the labels; None of a single one."""
    y = as_label_array(y)
    if y.ndim < 2:
        return None
    known = y[~is_missing(y, missing_label)].astype(np.float64)
    scales = known.std(axis=0) if len(known) else np.ones(y.shape[1])
    return np.where(scales > 0, scales, 1.0)


def uncertainty_rater(clf, measure, scales=None, weights=None):
    """Return a function from samples to how unsure the model is; raise at once if it can't say."""
    check_is_fitted(clf)
    if is_regressor(clf):
        check_predictive_std(clf)
        return partial(_rate_regressor, clf, scales, weights)
    method = method_to_read(clf, measure)
    is_multioutput = scales is not None and len(scales) > 1
    if is_multioutput and method == "predict_member_proba":
        raise TypeError(
            f"measure={measure!r} is for labels of one output, and these are of {len(scales)}; "
            "choose another measure."
        )
    score = MEASURES[measure][method]
    return partial(_rate_classifier, clf, method, score, is_multioutput, weights)


def _rate_regressor(regressor, scales, weights, X):
    with seeded_nets(regressor):
        std = predictive_std(regressor, X)
    if std.ndim == 1:
        return std
    _check_weights(weights, std.shape[1])
    return np.sqrt(np.average(np.square(std / (1 if scales is None else scales)), 1, weights))


def _rate_classifier(clf, method, score, is_multioutput, weights, X):
    with seeded_nets(clf):
        read = read_classifier(clf, method, X)
    if is_multioutput and not isinstance(read, list):  # multilabel: a column for each output
        columns = np.asarray(read).T
        is_proba = method == "predict_proba"
        read = [np.column_stack([1 - column, column]) if is_proba else column for column in columns]
    if not isinstance(read, list):
        return score(read)
    _check_weights(weights, len(read))
    return np.average([score(output) for output in read], axis=0, weights=weights)


def _check_weights(weights, n_outputs):
    if weights is None:
        return
    if np.shape(weights) != (n_outputs,) or np.min(weights) < 0 or np.sum(weights) == 0:
        raise ValueError(
            f"output_weights must be one number for each of the {n_outputs} outputs of the model, "
            f"none below 0 and not all 0, got {np.asarray(weights).tolist()}."
        )


def read_classifier(clf, method, X):
    """Call a method of a classifier, the noise of its latent function left out."""
    if method == "predict_member_proba":
        return _member_proba(clf, X)
    inner, inner_X = unwrap(clf, X)
    if isinstance(inner, GaussianProcessClassifier):
        return getattr(_without_noise(inner), method)(inner_X)
    return getattr(clf, method)(cast_for_nets(clf, X))


def class_probabilities(clf, X):
    """Predict class probabilities, or put decision values in their place."""
    X = cast_for_nets(clf, X)
    if hasattr(clf, "predict_proba"):
        return np.asarray(clf.predict_proba(X))
    return pseudo_probabilities(clf.decision_function(X))


def check_classifier(clf, reader):
    """Refuse anything but a fitted classifier that predicts how sure it is."""
    check_is_fitted(clf)
    if is_regressor(clf):
        raise TypeError(f"{reader} is for classifiers, and {type(clf).__name__} is a regressor.")
    if not (hasattr(clf, "predict_proba") or hasattr(clf, "decision_function")):
        raise TypeError(
            f"{type(unwrap(clf)[0]).__name__} has no predict_proba and no decision_function, one "
            f"of which {reader} reads; put it into skgal.classifiers.EnsembleClassifier, for "
            "which the predictions of several are probabilities."
        )
    if not hasattr(clf, "predict_proba"):
        _check_decisions(clf, reader)


def _check_decisions(clf, reader):
    """Refuse decisions between pairs of classes."""
    inner = unwrap(clf)[0]
    for model in (inner, unwrap(getattr(inner, "estimator_", None))[0]):  # bagging's
        if getattr(model, "decision_function_shape", "ovr") == "ovo" and len(clf.classes_) > 2:
            raise TypeError(
                f"{type(model).__name__} has decision_function_shape='ovo', a decision for each "
                f"pair of classes, but {reader} reads one for each class; fit it with 'ovr', which "
                "predicts the same."
            )


def method_to_read(clf, measure):
    """Find the method of a fitted classifier that a measure reads; TypeError if it has none."""
    if measure == "mutual_information":
        inner = unwrap(clf)[0]
        if not (hasattr(inner, "predict_member_proba") or isinstance(inner, _CLASSIFIER_ENSEMBLES)):
            raise TypeError(
                f"measure='mutual_information' is how much the members of an ensemble disagree, "
                f"and {type(inner).__name__} has none; put it into "
                "skgal.classifiers.EnsembleClassifier."
            )
        members = inner.estimators_ if isinstance(inner, _CLASSIFIER_ENSEMBLES) else []
        if not all(hasattr(member, "predict_proba") for member in members):
            raise TypeError(
                f"measure='mutual_information' reads predict_proba of the members, which "
                f"{type(members[0]).__name__} lacks; use skgal.classifiers.EnsembleClassifier, for "
                "which predictions are probabilities."
            )
        return "predict_member_proba"
    reader = f"measure={measure!r}"
    check_classifier(clf, reader)
    method = next(method for method in MEASURES[measure] if hasattr(clf, method))
    if method == "decision_function":
        _check_decisions(clf, reader)
    return method


def predictive_std(regressor, X):
    """Standard deviation of what a regressor predicts, by outputs, noise left out."""
    check_predictive_std(regressor)
    regressor, X = unwrap(regressor, X)
    if isinstance(regressor, GaussianProcessRegressor):
        regressor = _without_noise(regressor)
    if _takes_return_std(regressor):
        _, std = regressor.predict(X, return_std=True)
    else:
        std = np.std([member.predict(some) for member, some in _members(regressor, X)], axis=0)
    # Of data frames some regressors return a Series, whose index would be taken for positions.
    return np.asarray(std)


def check_predictive_std(regressor):
    """Refuse a fitted regressor that has no standard deviation, without looking at samples."""
    regressor, _ = unwrap(regressor)
    if not (_takes_return_std(regressor) or isinstance(regressor, _REGRESSOR_ENSEMBLES)):
        raise TypeError(
            f"{type(regressor).__name__} doesn't say how unsure it is; put it into "
            "skgal.classifiers.EnsembleRegressor, which takes any regressor and samples of any "
            "shape, or use one whose predict takes return_std (GaussianProcessRegressor, "
            "BayesianRidge), a random forest or extra trees."
        )


_CLASSIFIER_ENSEMBLES = (RandomForestClassifier, ExtraTreesClassifier, BaggingClassifier)
_REGRESSOR_ENSEMBLES = (RandomForestRegressor, ExtraTreesRegressor, BaggingRegressor)


def _takes_return_std(regressor):
    return "return_std" in inspect.signature(regressor.predict).parameters


def _members(ensemble, X):
    """Pair the members of scikit-learn's ensembles with the columns that each was fitted to."""
    # The members were fitted on bare arrays, those of bagging on some of the columns.
    X = validate_data(
        ensemble, X, reset=False, dtype=None, accept_sparse="csr", ensure_all_finite=False
    )
    members = ensemble.estimators_
    columns = getattr(ensemble, "estimators_features_", [slice(None)] * len(members))
    return [(member, X[:, some]) for member, some in zip(members, columns, strict=True)]


def _member_proba(clf, X):
    """Class probabilities of the members of an ensemble, (n_members, n_samples, n_classes)."""
    ensemble, X = unwrap(clf, X)
    if hasattr(ensemble, "predict_member_proba"):
        return ensemble.predict_member_proba(X)
    proba = np.zeros((len(ensemble.estimators_), X.shape[0], len(ensemble.classes_)))
    for row, (member, some) in zip(proba, _members(ensemble, X), strict=True):
        # A member of bagging may have missed a class.
        row[:, np.asarray(member.classes_, dtype=np.intp)] = member.predict_proba(some)
    return proba


def _without_noise(gp):
    """Copy a Gaussian process, the noise of a ``WhiteKernel`` left out of its variance."""
    gp = copy(gp)
    if hasattr(gp, "base_estimator_"):  # of a classifier
        gp.base_estimator_ = _without_noise(gp.base_estimator_)
    elif hasattr(gp, "estimators_"):  # one for each class
        gp.estimators_ = [_without_noise(member) for member in gp.estimators_]
    else:
        kernels = {"": gp.kernel_, **gp.kernel_.get_params()}
        noisy = [name for name, kernel in kernels.items() if isinstance(kernel, WhiteKernel)]
        levels = {f"{name}__noise_level".removeprefix("__"): 0.0 for name in noisy}
        gp.kernel_ = clone(gp.kernel_).set_params(**levels)
    return gp


class Score(NamedTuple):
    """What a latent search maximises, of arrays and of tensors: two forms with the same maxima."""

    method: str
    of_arrays: Callable
    of_tensors: str

    def rate(self, clf, X):
        """Score samples: an ndarray of shape (n_samples,)."""
        return self.of_arrays(read_classifier(clf, self.method, X))


# By the method of the classifier that is read.
SCORES = {
    "entropy": {"predict_proba": "log_entropy", "decision_function": "log_entropy_of_decisions"},
    "min_distance": {
        "predict_proba": "odds_proximity",
        "decision_function": "boundary_proximity",
    },
}


def resolve_score(name, clf):
    """Find the form of a score that suits a fitted classifier; TypeError if none does."""
    check_is_fitted(clf)
    if is_regressor(clf):
        raise TypeError(
            f"This strategy looks for the boundary between classes, and {type(clf).__name__} is "
            "a regressor; use LatentUncertainty or AISEL, which know a regressor's uncertainty."
        )
    inner = unwrap(clf)[0]
    if isinstance(getattr(inner, "classes_", None), list) or getattr(inner, "multilabel_", False):
        raise TypeError(
            f"This strategy looks for the boundary between the classes of one output, and "
            f"{type(inner).__name__} predicts several; use UncertaintySampling or "
            "LatentUncertainty, which average over outputs."
        )
    method = method_to_read(clf, name)
    return Score(method, MEASURES[name][method], SCORES[name][method])


class UncertaintySampling(RankingStrategy):
    """Choose the samples of a pool of which the model is least sure.

    The first strategy to try where the pool can be scanned. A batch may hold samples that are
    much alike, since each is rated by itself.

    Parameters
    ----------
    measure : {"entropy", "normalized_entropy", "least_confidence", "margin_of_confidence", \
"ratio_of_confidence", "min_distance", "mutual_information"}, default="margin_of_confidence"
        A function of the class probabilities, see `skgal.metrics`: their entropy, in nats or
        normalised to [0, 1]; how far the largest is from 1; one minus the margin between the
        two largest; the second largest relative to the largest [1]_. Or minus the distance to
        the decision boundary, in units of ``decision_function``; or how much the members of an
        ensemble disagree, whatever noise they agree on. The uncertainty of a regressor is
        its predictive standard deviation, whatever ``measure`` says.
        For two classes the order is the same by all but the last. With more, the margin and the
        distance ask about samples between two classes, of which a label tells most; entropy asks
        about samples between many, and its labels can be worth less than random ones.
    output_weights : array-like of shape (n_outputs,), default=None
        Of a model with several outputs, how much each counts; None: all the same. Standard
        deviations are divided by those of the labels before they are combined, as the root of
        their weighted mean square; uncertainties of classes are averaged.
    random_state : int, RandomState instance or None, default=None
        Decides between samples that are equally uncertain.

    See Also
    --------
    skgal.metrics : The measures as functions of probabilities or decisions.

    Notes
    -----
    A classifier without ``predict_proba``, such as ``LinearSVC``, has the softmax of its
    ``decision_function`` in place of probabilities, or the logistic function if there are two
    classes. These are not calibrated; for two classes all measures then rank by the distance to
    the boundary. Of a classifier without ``decision_function`` the distance is the log-odds
    of the two most probable classes: of a softmax, the gap between the logits.

    References
    ----------
    .. [1] K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty
       sampling approach", arXiv 2020, equations (7) to (10).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.query import UncertaintySampling
    >>> X = np.array([[0.0], [1.0], [4.0], [5.2], [9.0], [10.0]])
    >>> y = np.array([0, np.nan, np.nan, np.nan, np.nan, 1])
    >>> clf = LogisticRegression().fit(X[[0, 5]], [0, 1])
    >>> UncertaintySampling().query(X, y, clf, batch_size=2).tolist()
    [3, 2]
    """

    _parameter_constraints = {
        **RankingStrategy._parameter_constraints,
        "measure": [StrOptions(set(MEASURES))],
        "output_weights": ["array-like", None],
    }

    def __init__(
        self,
        measure="margin_of_confidence",
        *,
        output_weights=None,
        missing_label=np.nan,
        random_state=None,
    ):
        self.measure = measure
        self.output_weights = output_weights
        self.missing_label = missing_label
        self.random_state = random_state

    def check_model(self, clf, X):
        """Refuse a model without the method that the measure reads."""
        uncertainty_rater(clf, self.measure)

    def compute_utilities(self, X, y, clf, candidates):
        """Rate by how unsure the model is."""
        scales = output_scales(y, self.missing_label)
        return candidates.map(uncertainty_rater(clf, self.measure, scales, self.output_weights))


# Each is the opposite order of an uncertainty.
_OPPOSITES = {
    "most_confidence": "least_confidence",
    "large_margin": "margin_of_confidence",
    "least_entropy": "entropy",
}


class CertaintySampling(RankingStrategy):
    """Choose the samples of a pool of which the model is most certain.

    Samples that a classifier learns least from can serve a conditional generator best: they are
    clean, and stabilise the training of an AC-GAN and its auxiliary classifier [1]_. ALCG,
    Algorithm 1 there, is ``ActiveLearner(ACGAN(warm_start=True), CertaintySampling())``.

    Parameters
    ----------
    measure : {"most_confidence", "large_margin", "least_entropy"}, default="most_confidence"
        The largest class probability (equation 6), the margin between the two most probable
        classes (7), or minus the entropy of the class probabilities (8); the first two as
        what they lack to 1, negative. A regressor's certainty is minus its predictive standard
        deviation, whatever ``measure`` says. For classifiers without probabilities see
        :class:`UncertaintySampling`.
    random_state : int, RandomState instance or None, default=None
        Decides between samples that are equally certain.

    See Also
    --------
    UncertaintySampling : The opposite order.

    References
    ----------
    .. [1] M.-K. Xie, S.-J. Huang, "Learning class-conditional GANs with active sampling" (ALCG),
       KDD 2019, section 3.3, equations (6) to (8).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.query import CertaintySampling
    >>> X = np.array([[0.0], [1.0], [4.0], [5.2], [9.5], [10.0]])
    >>> y = np.array([0, np.nan, np.nan, np.nan, np.nan, 1])
    >>> clf = LogisticRegression().fit(X[[0, 5]], [0, 1])
    >>> CertaintySampling().query(X, y, clf, batch_size=2).tolist()
    [4, 1]
    """

    _parameter_constraints = {
        **RankingStrategy._parameter_constraints,
        "measure": [StrOptions(set(_OPPOSITES))],
    }

    def __init__(self, measure="most_confidence", *, missing_label=np.nan, random_state=None):
        self.measure = measure
        self.missing_label = missing_label
        self.random_state = random_state

    def check_model(self, clf, X):
        """Refuse a model without the method that the measure reads."""
        uncertainty_rater(clf, _OPPOSITES[self.measure])

    def compute_utilities(self, X, y, clf, candidates):
        """Rate by how certain the model is."""
        scales = output_scales(y, self.missing_label)
        rate = uncertainty_rater(clf, _OPPOSITES[self.measure], scales)
        return (-uncertain for uncertain in candidates.map(rate))


class LearningLoss(RankingStrategy):
    """Choose the samples of a pool whose loss the classifier predicts to be largest.

    The classifier has learnt to predict its losses: it is a
    :class:`skgal.classifiers.LossPredictionClassifier`, or a Pipeline that ends in one, or any
    other with a method ``predict_loss(X)`` that returns one number a sample. The utility is that
    number.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        Decides between samples of equal predicted loss.

    See Also
    --------
    skgal.classifiers.LossPredictionClassifier : Predicts the loss.
    UncertaintySampling : Any classifier.

    Notes
    -----
    The paper chooses from a random tenth of a large pool, so that a batch is no set of near
    duplicates; pass such rows as ``candidates``.

    References
    ----------
    D. Yoo and I. S. Kweon, "Learning Loss for Active Learning", CVPR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skgal.classifiers import LossPredictionClassifier
    >>> from skgal.query import LearningLoss
    >>> from skgal.utils import seeded_torch
    >>> X = np.random.RandomState(0).normal(size=(20, 4)).astype(np.float32)
    >>> y = np.r_[[0, 1] * 4, [np.nan] * 12]
    >>> module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> net = LossPredictionClassifier(module, max_epochs=2, train_split=None, verbose=0)
    >>> with seeded_torch(0):  # nets draw from torch's global random state
    ...     _ = net.fit(X[:8], y[:8].astype(int))
    >>> LearningLoss().query(X, y, net, batch_size=2).shape
    (2,)
    """

    def check_model(self, clf, X):
        """Refuse a model that doesn't predict its losses."""
        check_is_fitted(clf)
        _check_predicts_loss(unwrap(clf)[0])

    def compute_utilities(self, X, y, clf, candidates):
        """Rate by the predicted loss."""
        check_is_fitted(clf)
        return candidates.map(partial(_predicted_losses, clf))


def _predicted_losses(clf, X):
    model, X = unwrap(clf, cast_for_nets(clf, X))
    _check_predicts_loss(model)
    with seeded_nets(model):
        return np.asarray(model.predict_loss(X))


def _check_predicts_loss(model):
    if not hasattr(model, "predict_loss"):
        raise TypeError(
            f"LearningLoss reads predict_loss of the classifier, which {type(model).__name__} "
            "lacks; use skgal.classifiers.LossPredictionClassifier."
        )
