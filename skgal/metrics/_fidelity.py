"""How much generated samples are like real ones, measured on features of both."""

import numpy as np
from scipy import linalg
from scipy.special import rel_entr
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array

from skgal.metrics._uncertainty import check_proba


def frechet_distance(real, generated):
    r"""Fréchet distance between the normal distributions fitted to two samples.

    .. math:: |\mu_r - \mu_g|^2 + \operatorname{tr}(S_r + S_g - 2 (S_r S_g)^{1/2})

    On features of a trained network it is what "Fréchet inception distance" measures on those
    of the Inception network. It falls with the number of samples, so compare equal numbers.

    Parameters
    ----------
    real, generated : array-like of shape (n_samples, n_features)
        Features, at least two samples each; the numbers of samples may differ.

    Returns
    -------
    float
        At least 0, in squared units of the features; lower is better.

    Raises
    ------
    ValueError
        If the two have different numbers of features, hold NaN, or fewer than two samples.

    References
    ----------
    M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium", 2017, equation (6); selective augmentation, section 3.2.

    Examples
    --------
    >>> from skgal.metrics import frechet_distance
    >>> frechet_distance([[0.0], [2.0]], [[1.0], [3.0]])
    1.0
    """
    real, generated = _check_features(real, generated, ensure_min_samples=2)
    return frechet_distance_of_moments(*moments(real), *moments(generated))


def moments(features):
    """Mean and covariance of features.

    Parameters
    ----------
    features : ndarray of shape (n_samples, n_features)

    Returns
    -------
    mean : ndarray of shape (n_features,)
    covariance : ndarray of shape (n_features, n_features)
    """
    return features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))


def frechet_distance_of_moments(mean_r, covariance_r, mean_g, covariance_g):
    """Fréchet distance of two normal distributions; see `frechet_distance`.

    Parameters
    ----------
    mean_r, mean_g : ndarray of shape (n_features,)
    covariance_r, covariance_g : ndarray of shape (n_features, n_features)

    Returns
    -------
    float
    """
    # tr (S_r S_g)^1/2 is the sum of the roots of the eigenvalues of S_r^1/2 S_g S_r^1/2, which
    # is symmetric: no complex roots to be thrown away, as from a general matrix root.
    values, vectors = linalg.eigh(covariance_r)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    products = linalg.eigvalsh(root @ covariance_g @ root)
    trace = np.trace(covariance_r) + np.trace(covariance_g) - 2 * np.sqrt(products.clip(0)).sum()
    return max(float(np.sum((mean_r - mean_g) ** 2) + trace), 0.0)


def recall(real, generated, *, n_neighbors=3):
    """Share of real samples that a generator could have drawn.

    A real sample counts if it lies within the ball of a generated sample that reaches to that
    one's k-th nearest generated neighbour. Swap the arguments for the precision.

    Parameters
    ----------
    real, generated : array-like of shape (n_samples, n_features)
        Features; more than ``n_neighbors`` generated samples.
    n_neighbors : int, default=3

    Returns
    -------
    float
        In [0, 1]; low where modes are missing.

    Raises
    ------
    ValueError
        If the two have different numbers of features, hold NaN, or there are too few samples.

    References
    ----------
    T. Kynkäänniemi et al., "Improved precision and recall metric for assessing generative
    models", 2019, equation (1).

    Examples
    --------
    >>> from skgal.metrics import recall
    >>> recall([[0.0], [1.0], [9.0]], [[0.0], [0.5], [1.0]], n_neighbors=1)
    0.6666666666666666
    """
    real, generated = _check_features(real, generated, ensure_min_samples=n_neighbors + 1)
    distances, nearest = _nearest(generated, real)
    radii = _radii(generated, n_neighbors)
    is_covered = distances[:, 0] <= radii[nearest[:, 0]]
    # The nearest ball is not always the one that covers: search the others for the rest.
    for row in np.flatnonzero(~is_covered):
        is_covered[row] = np.any(linalg.norm(generated - real[row], axis=1) <= radii)
    return float(is_covered.mean())


def coverage(real, generated, *, n_neighbors=5):
    """Share of real samples that have a generated one near by.

    Near is within the distance of the k-th nearest real neighbour, so that outliers among the
    generated samples gain nothing.

    Parameters
    ----------
    real, generated : array-like of shape (n_samples, n_features)
        Features; more than ``n_neighbors`` real samples.
    n_neighbors : int, default=5

    Returns
    -------
    float
        In [0, 1]; low where modes are missing or samples are unlike real ones.

    Raises
    ------
    ValueError
        If the two have different numbers of features, hold NaN, or there are too few samples.

    References
    ----------
    M. F. Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020,
    equation (6).

    Examples
    --------
    >>> from skgal.metrics import coverage
    >>> coverage([[0.0], [1.0], [9.0]], [[0.5], [0.6], [0.7]], n_neighbors=1)
    0.6666666666666666
    """
    real, generated = _check_features(real, generated, ensure_min_samples=n_neighbors + 1)
    distances, _ = _nearest(generated, real)
    return float(np.mean(distances[:, 0] <= _radii(real, n_neighbors)))


def inception_score(proba):
    """How sure a classifier is of each generated sample, and how evenly it sees all classes.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Class probabilities of generated samples, by a classifier trained on real ones.

    Returns
    -------
    float
        In [1, n_classes]; higher is better.

    Raises
    ------
    ValueError
        If ``proba`` isn't 2-D, or holds NaN or values outside [0, 1].

    References
    ----------
    T. Salimans et al., "Improved techniques for training GANs", 2016, section 4.

    Examples
    --------
    >>> from skgal.metrics import inception_score
    >>> inception_score([[1.0, 0.0], [0.0, 1.0]])
    2.0
    """
    proba = check_proba(proba)
    return float(np.exp(rel_entr(proba, proba.mean(axis=0)).sum(axis=1).mean()))


def _check_features(real, generated, ensure_min_samples):
    real, generated = (
        check_array(
            features, dtype=np.float64, ensure_min_samples=ensure_min_samples, input_name=name
        )
        for name, features in [("real", real), ("generated", generated)]
    )
    if real.shape[1] != generated.shape[1]:
        raise ValueError(
            "real and generated must have the same features, got "
            f"{real.shape[1]} and {generated.shape[1]} of them."
        )
    return real, generated


def _nearest(points, queries):
    return NearestNeighbors(n_neighbors=1).fit(points).kneighbors(queries)


def _radii(points, n_neighbors):
    """Distance of each point to its k-th nearest other one."""
    distances, _ = NearestNeighbors(n_neighbors=n_neighbors).fit(points).kneighbors()
    return distances[:, -1]
