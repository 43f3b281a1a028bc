"""How unsure a classifier is of each sample; higher is more uncertain in every measure."""

import numpy as np
from scipy.special import entr
from sklearn.utils import check_array

from skgal.utils import warn_user

# Probabilities computed in half precision sum to one no better than this: bfloat16 rounds to 2**-9.
_ROUNDING = 2e-3


def least_confidence(proba):
    r"""How far the most probable class is from certainty, scaled to [0, 1].

    .. math:: \frac{m (1 - y^*)}{m - 1}

    with :math:`y^*` the largest of a sample's :math:`m` class probabilities.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Class probabilities, in [0, 1]; a row of zeros says that all are equally likely.

    Returns
    -------
    ndarray of shape (n_samples,)
        In [0, 1]: 0 where one class is certain, 1 where all are equally likely.

    Raises
    ------
    ValueError
        If ``proba`` isn't 2-D, or holds NaN or values outside [0, 1].

    Warns
    -----
    UserWarning
        If rows don't sum to one.

    See Also
    --------
    margin_of_confidence : The two most probable classes.
    entropy : All classes.

    References
    ----------
    K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty sampling
    approach", arXiv 2020, equation (7): there the sum over the samples, here each sample's summand.

    Examples
    --------
    >>> from skgal.metrics import least_confidence
    >>> least_confidence([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25]]).tolist()
    [0.0, 0.75]
    """
    proba = check_proba(proba)
    n_classes = proba.shape[1]
    return (1 - proba.max(axis=1)) * n_classes / max(n_classes - 1, 1)


def margin_of_confidence(proba):
    """One minus the margin between the two most probable classes.

    Near 1 where two classes compete, whatever the others.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Class probabilities, in [0, 1]; a row of zeros says that all are equally likely.

    Returns
    -------
    ndarray of shape (n_samples,)
        In [0, 1]: 1 where two classes tie for the first place.

    Raises
    ------
    ValueError
        If ``proba`` isn't 2-D, or holds NaN or values outside [0, 1].

    Warns
    -----
    UserWarning
        If rows don't sum to one.

    See Also
    --------
    ratio_of_confidence : Their ratio instead.
    least_confidence : The most probable class alone.

    References
    ----------
    K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty sampling
    approach", arXiv 2020, equation (8).

    Examples
    --------
    >>> from skgal.metrics import margin_of_confidence
    >>> margin_of_confidence([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25]]).tolist()
    [0.0, 0.75]
    """
    first, second = _first_and_second(check_proba(proba))
    return (1 - first) + second  # exact where the first is close to 1


def ratio_of_confidence(proba):
    """Probability of the second most probable class, relative to that of the first.

    1 where two classes are equally probable; unlike the margin it doesn't depend on what the
    others have.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Class probabilities, in [0, 1]; a row of zeros says that all are equally likely.

    Returns
    -------
    ndarray of shape (n_samples,)
        In [0, 1]: 1 where two classes tie for the first place.

    Raises
    ------
    ValueError
        If ``proba`` isn't 2-D, or holds NaN or values outside [0, 1].

    Warns
    -----
    UserWarning
        If rows don't sum to one.

    See Also
    --------
    margin_of_confidence : Their difference instead.
    least_confidence : The most probable class alone.

    References
    ----------
    K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty sampling
    approach", arXiv 2020, equation (9).

    Examples
    --------
    >>> from skgal.metrics import ratio_of_confidence
    >>> ratio_of_confidence([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25]]).tolist()
    [0.0, 0.5]
    """
    first, second = _first_and_second(check_proba(proba))
    return second / first


def entropy(proba):
    """Entropy of predicted class probabilities, in nats.

    Grows with the number of classes that are possible; with two classes it orders samples as
    the other measures do.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Class probabilities, in [0, 1]; a row of zeros says that all are equally likely.

    Returns
    -------
    ndarray of shape (n_samples,)
        In [0, log(n_classes)]: 0 where one class is certain, largest where all are as likely.

    Raises
    ------
    ValueError
        If ``proba`` isn't 2-D, or holds NaN or values outside [0, 1].

    Warns
    -----
    UserWarning
        If rows don't sum to one.

    See Also
    --------
    normalized_entropy : The same in [0, 1], for any number of classes.

    References
    ----------
    J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43, 2021,
    equation (6).

    Examples
    --------
    >>> from skgal.metrics import entropy
    >>> entropy([[1.0, 0.0], [0.5, 0.5]]).round(4).tolist()
    [0.0, 0.6931]
    """
    # Along short rows einsum is ten times as fast as sum.
    return np.einsum("ij->i", entr(check_proba(proba)))


def normalized_entropy(proba):
    r"""Entropy of predicted class probabilities, scaled to [0, 1].

    .. math:: -\frac{1}{\log m} \sum_{c=1}^{m} y_c \log y_c

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Class probabilities, in [0, 1]; a row of zeros says that all are equally likely.

    Returns
    -------
    ndarray of shape (n_samples,)
        In [0, 1]: 0 where one class is certain, 1 where all are equally likely.

    Raises
    ------
    ValueError
        If ``proba`` isn't 2-D, or holds NaN or values outside [0, 1].

    Warns
    -----
    UserWarning
        If rows don't sum to one.

    See Also
    --------
    entropy : In nats.
    mean_uncertainty : Its mean, and three others.

    References
    ----------
    K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty sampling
    approach", arXiv 2020, equation (10), where the sum over the classes is left out.

    Examples
    --------
    >>> from skgal.metrics import normalized_entropy
    >>> normalized_entropy([[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]]).tolist()
    [0.0, 0.5]
    """
    in_nats = entropy(proba)
    return in_nats / np.log(max(np.shape(proba)[1], 2))


def mean_uncertainty(proba):
    """Report how unsure a classifier is on average, by the four measures of Polarity-GAN.

    Falls as a classifier becomes surer; that it is right is another question.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Class probabilities of samples, in [0, 1].

    Returns
    -------
    dict of str to float
        The means over the samples of `least_confidence`, `margin_of_confidence`,
        `ratio_of_confidence` and `normalized_entropy`, by these names; each in [0, 1].

    Raises
    ------
    ValueError
        If ``proba`` isn't 2-D, or holds NaN or values outside [0, 1].

    Warns
    -----
    UserWarning
        If rows don't sum to one.

    See Also
    --------
    normalized_entropy : One of the four, sample by sample.
    skgal.active.OverallUncertainty : Stops a session by it.

    References
    ----------
    K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty sampling
    approach", arXiv 2020, section 5, table 3; equations (7) to (10) are printed as sums over the
    samples, but the table's values are means.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.metrics import mean_uncertainty
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LogisticRegression(max_iter=500).fit(X, y)
    >>> for name, mean in mean_uncertainty(clf.predict_proba(X)).items():
    ...     print(f"{name:20} {mean:.2f}")
    least_confidence     0.15
    margin_of_confidence 0.19
    ratio_of_confidence  0.13
    normalized_entropy   0.24
    """
    measures = (least_confidence, margin_of_confidence, ratio_of_confidence, normalized_entropy)
    return {measure.__name__: float(measure(proba).mean()) for measure in measures}


def distance_uncertainty(decision):
    """Compute minus the distance to the nearest boundary, in units of the decision function.

    For classifiers without probabilities, such as support vector machines.

    Parameters
    ----------
    decision : array-like of shape (n_samples,) or (n_samples, n_classes)
        What ``decision_function`` returns: signed values of a binary classifier, whose
        boundary lies at 0, or one value a class, where the largest wins and the boundary
        lies where the second draws level.

    Returns
    -------
    ndarray of shape (n_samples,)
        Never positive: 0 on a boundary.

    Raises
    ------
    ValueError
        If ``decision`` holds NaN or infinity, or has more than two dimensions.

    See Also
    --------
    least_confidence : Of probabilities.
    skgal.query.UncertaintySampling : Its measure ``"min_distance"``.

    Examples
    --------
    >>> from skgal.metrics import distance_uncertainty
    >>> distance_uncertainty([-2.0, 0.5]).tolist()
    [-2.0, -0.5]
    >>> distance_uncertainty([[3.0, 1.0, -1.0]]).tolist()
    [-2.0]
    """
    decision = check_array(
        decision, dtype=[np.float64, np.float32], ensure_2d=False, input_name="decision"
    )
    if decision.ndim == 1:
        return -np.abs(decision)
    if decision.shape[1] == 1:
        return -np.abs(decision[:, 0])
    first, second = _first_and_second(decision)
    return second - first


def check_proba(proba):
    """Return class probabilities as a float matrix in [0, 1]; warn where rows don't sum to one."""
    proba = check_array(proba, dtype=[np.float64, np.float32], input_name="proba")
    low, high = proba.min(), proba.max()
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ValueError(
            "proba must hold class probabilities in [0, 1], got values from "
            f"{low:.3g} to {high:.3g}; pass logits through a softmax first."
        )
    # A softmax in float32 can exceed 1 by rounding, which would make an uncertainty negative.
    proba = np.clip(proba, 0, 1)
    sums = np.einsum("ij->i", proba)
    # All zeros, which a one-vs-rest classifier returns where it finds no class, are a tie.
    empty = sums == 0
    if empty.any():
        proba[empty] = 1 / proba.shape[1]
        sums[empty] = 1
    if np.abs(sums - 1).max() > _ROUNDING:  # scikit-learn's log_loss warns of them, too
        warn_user(
            "The rows of proba don't sum to one, so they are no class probabilities and their "
            "uncertainties are beyond the ranges documented: pass a softmax, or divide each row "
            "by its sum.",
            UserWarning,
        )
    return proba


def _first_and_second(scores):
    """Return the largest and the second largest of each row; 0 for a second that isn't there."""
    if scores.shape[1] == 1:  # A model of one class is never uncertain.
        return scores[:, 0], np.zeros_like(scores[:, 0])
    second, first = np.partition(scores, -2, axis=1)[:, -2:].T
    return first, second
