"""How much generated samples are like real ones, and how much of the real ones they cover.

Every measure compares points: features of a network, flattened images, or a table's ranks and
categories. `skgal.metrics.to_points` makes points of anything else. Distances are computed block
by block, so memory does not grow with the product of the numbers of samples.
"""

import numpy as np
from scipy import linalg
from scipy.special import rel_entr
from sklearn.metrics import pairwise_distances_chunked
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array, check_random_state, gen_batches

from skgal.metrics._uncertainty import check_proba
from skgal.utils import without_offset

_BLOCK = 1024
# Up to so many columns a tree finds neighbours faster than a comparison of all rows.
_TREE_WIDTH = 15
# Between equal distances, relative.
_ROUNDING = 1e-12


def frechet_distance(real, generated):
    r"""Fréchet distance between the normal distributions fitted to two samples.

    .. math:: |\mu_r - \mu_g|^2 + \operatorname{tr}(S_r + S_g - 2 (S_r S_g)^{1/2})

    On features of a trained network it is what "Fréchet inception distance" measures on those
    of the Inception network. It falls with the number of samples, so compare equal numbers; for
    few samples `kernel_distance` is the better choice, as it has no such bias.

    Parameters
    ----------
    real, generated : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        At least two samples each; the numbers of samples may differ.

    Returns
    -------
    float
        At least 0, in squared units of the features; lower is better.

    Raises
    ------
    ValueError
        If the two have different numbers of features, hold NaN, or fewer than two samples.

    See Also
    --------
    kernel_distance : Unbiased, for few samples.
    skgal.generators.FrechetSelection : Decides by it.

    References
    ----------
    M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium", NeurIPS 2017, equation (6). Y. Xue et al., "Selective synthetic augmentation with
    quality assurance", arXiv 2019, section 3.2.

    Examples
    --------
    >>> from skgal.metrics import frechet_distance
    >>> frechet_distance([[0.0], [2.0]], [[1.0], [3.0]])
    1.0
    """
    real, generated = check_points(2, real=real, generated=generated)
    mean_r, mean_g = real.mean(axis=0), generated.mean(axis=0)
    cov_r, cov_g = (np.atleast_2d(np.cov(each, rowvar=False)) for each in (real, generated))
    # tr (S_r S_g)^1/2 is the sum of the roots of the eigenvalues of S_r^1/2 S_g S_r^1/2, which
    # is symmetric: no complex roots to be thrown away, as from a general matrix root.
    values, vectors = linalg.eigh(cov_r)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    products = linalg.eigvalsh(root @ cov_g @ root)
    trace = np.trace(cov_r) + np.trace(cov_g) - 2 * np.sqrt(products.clip(0)).sum()
    return max(float(np.sum((mean_r - mean_g) ** 2) + trace), 0.0)


def kernel_distance(
    real,
    generated,
    *,
    degree=3,
    gamma=None,
    coef0=1.0,
    n_subsets=100,
    subset_size=None,
    return_std=False,
    random_state=0,
):
    r"""Kernel distance: squared maximum mean discrepancy of a polynomial kernel, unbiased.

    .. math::
        \frac{1}{m (m - 1)} \sum_{i \ne j} \left(k(x_i, x_j) + k(y_i, y_j)\right)
        - \frac{2}{m^2} \sum_{i, j} k(x_i, y_j),
        \quad k(x, y) = (\gamma x^\top y + c)^d

    It is the mean over random subsets of both samples. Unlike `frechet_distance` its
    expectation does not depend on the number of samples, so it suits small ones; the spread
    over the subsets tells how much a value means. On features of the Inception network it is
    the "kernel inception distance".

    Parameters
    ----------
    real, generated : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        At least four samples each; the numbers of samples may differ.
    degree : int, default=3
        :math:`d` of the kernel.
    gamma : float, default=None
        :math:`\gamma` of the kernel; None is ``1 / n_features``.
    coef0 : float, default=1.0
        :math:`c` of the kernel.
    n_subsets : int, default=100
        Number of random subsets.
    subset_size : int, default=None
        Samples in a subset, :math:`m`, drawn without replacement. None: half of the smaller
        sample, 1000 at most.
    return_std : bool, default=False
        Whether to return the standard deviation over the subsets, too.
    random_state : int, RandomState instance or None, default=0
        Decides the subsets.

    Returns
    -------
    distance : float
        0 in expectation for samples of the same distribution, so it can be a little negative;
        lower is better.
    std : float
        Standard deviation over the subsets. Only with ``return_std``.

    Raises
    ------
    ValueError
        If the two have different numbers of features, hold NaN, or fewer samples than
        ``subset_size``; if ``subset_size`` is less than 2 or ``n_subsets`` less than 1.

    See Also
    --------
    frechet_distance : Faster, for many samples.
    skgal.design.energy_distance : Without a kernel.

    References
    ----------
    M. Bińkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4 and equation (4).

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.metrics import kernel_distance
    >>> rng = np.random.default_rng(0)
    >>> X, Y = rng.normal(size=(200, 2)), rng.normal(size=(200, 2))
    >>> distance, std = kernel_distance(X, Y, return_std=True)
    >>> distance < std < kernel_distance(X, Y + 1)
    True
    """
    real, generated = check_points(4, real=real, generated=generated)
    n_samples = min(len(real), len(generated))
    if subset_size is None:
        subset_size = min(n_samples // 2, 1000)
    if not 2 <= subset_size <= n_samples:
        raise ValueError(
            f"subset_size must be from 2 to {n_samples}, the size of the smaller sample, got "
            f"{subset_size}."
        )
    if n_subsets < 1:
        raise ValueError(f"n_subsets must be at least 1, got {n_subsets}.")
    kernel = {"degree": degree, "gamma": gamma, "coef0": coef0}
    rng = check_random_state(random_state)
    distances = []
    for _ in range(n_subsets):
        X, Y = (
            each[rng.choice(len(each), subset_size, replace=False)] for each in (real, generated)
        )
        within = sum(_kernel_sum(each, each, kernel, skip_diagonal=True) for each in (X, Y))
        within /= subset_size * (subset_size - 1)
        distances.append(within - 2 * _kernel_sum(X, Y, kernel) / subset_size**2)
    distance = float(np.mean(distances))
    return (distance, float(np.std(distances))) if return_std else distance


def generative_precision(real, generated, *, n_neighbors=3):
    """Share of generated samples that could be real.

    A generated sample counts if it lies within the ball of a real sample that reaches to that
    one's k-th nearest real neighbour. An outlier among the real samples has a large ball;
    `density` is less sensitive to it.

    Parameters
    ----------
    real, generated : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        More than ``n_neighbors`` real samples.
    n_neighbors : int, default=3
        The number k.

    Returns
    -------
    float
        In [0, 1]; low where generated samples are unlike real ones.

    Raises
    ------
    ValueError
        If the two have different numbers of features, hold NaN, or there are too few samples.

    See Also
    --------
    density : Less sensitive to outliers.
    generative_recall : The other direction.

    References
    ----------
    T. Kynkäänniemi et al., "Improved precision and recall metric for assessing generative
    models", NeurIPS 2019, equation (1).

    Examples
    --------
    >>> from skgal.metrics import generative_precision
    >>> generative_precision([[0.0], [1.0], [2.0]], [[0.5], [9.0]], n_neighbors=1)
    0.5
    """
    real, generated = without_offset(*check_points(1, real=real, generated=generated))
    radii = _radii(real, n_neighbors, "real")
    return float(np.mean(_count_balls(generated, real, radii) > 0))


def generative_recall(real, generated, *, n_neighbors=3):
    """Share of real samples that the generator could have drawn.

    A real sample counts if it lies within the ball of a generated sample that reaches to that
    one's k-th nearest generated neighbour. An outlier among the generated samples has a large
    ball; `coverage` is less sensitive to it.

    Parameters
    ----------
    real, generated : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        More than ``n_neighbors`` generated samples.
    n_neighbors : int, default=3
        The number k.

    Returns
    -------
    float
        In [0, 1]; low where modes are missing.

    Raises
    ------
    ValueError
        If the two have different numbers of features, hold NaN, or there are too few samples.

    See Also
    --------
    coverage : Less sensitive to outliers.
    generative_precision : The other direction.

    References
    ----------
    T. Kynkäänniemi et al., "Improved precision and recall metric for assessing generative
    models", NeurIPS 2019, equation (1).

    Examples
    --------
    >>> from skgal.metrics import generative_recall
    >>> generative_recall([[0.0], [1.0], [9.0]], [[0.0], [0.5], [1.0]], n_neighbors=1)
    0.6666666666666666
    """
    real, generated = without_offset(*check_points(1, real=real, generated=generated))
    radii = _radii(generated, n_neighbors, "generated")
    return float(np.mean(_count_balls(real, generated, radii) > 0))


def density(real, generated, *, n_neighbors=5):
    """How densely real samples surround generated ones, relative to each other.

    The mean number of real samples' balls, each reaching to its k-th nearest real neighbour,
    in which a generated sample lies, divided by k.

    Parameters
    ----------
    real, generated : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        More than ``n_neighbors`` real samples.
    n_neighbors : int, default=5
        The number k.

    Returns
    -------
    float
        At least 0, about 1 for samples of the same distribution; above 1 where generated
        samples keep to the densest regions.

    Raises
    ------
    ValueError
        If the two have different numbers of features, hold NaN, or there are too few samples.

    See Also
    --------
    generative_precision : More sensitive to outliers.
    coverage : The other direction.

    References
    ----------
    M. F. Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML
    2020, equation (5).

    Examples
    --------
    >>> from skgal.metrics import density
    >>> density([[0.0], [1.0], [9.0]], [[0.5], [20.0]], n_neighbors=1)
    1.0
    """
    real, generated = without_offset(*check_points(1, real=real, generated=generated))
    radii = _radii(real, n_neighbors, "real")
    return float(np.mean(_count_balls(generated, real, radii)) / n_neighbors)


def coverage(real, generated, *, n_neighbors=5):
    """Share of real samples that have a generated one near by.

    Near is within the distance of the k-th nearest real neighbour, so that outliers among the
    generated samples gain nothing.

    Parameters
    ----------
    real, generated : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        More than ``n_neighbors`` real samples.
    n_neighbors : int, default=5
        The number k.

    Returns
    -------
    float
        In [0, 1]; low where modes are missing or samples are unlike real ones.

    Raises
    ------
    ValueError
        If the two have different numbers of features, hold NaN, or there are too few samples.

    See Also
    --------
    generative_recall : More sensitive to outliers.
    density : The other direction.

    References
    ----------
    M. F. Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML
    2020, equation (6).

    Examples
    --------
    >>> from skgal.metrics import coverage
    >>> coverage([[0.0], [1.0], [9.0]], [[0.5], [0.6], [0.7]], n_neighbors=1)
    0.6666666666666666
    """
    real, generated = without_offset(*check_points(1, real=real, generated=generated))
    radii = _radii(real, n_neighbors, "real")
    return float(np.mean(nearest_distances(real, generated) <= radii))


def diversity_ratio(real, generated):
    """Mean distance between two generated samples, relative to that between two real ones.

    A quick sign of mode collapse, which needs neither a network nor neighbours.

    Parameters
    ----------
    real, generated : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        At least two samples each.

    Returns
    -------
    float
        0 where all generated samples are the same (a collapsed generator), 1 where they differ
        as much as real ones; NaN where all real samples are the same.

    Raises
    ------
    ValueError
        If the two have different numbers of features, hold NaN, or fewer than two samples.

    See Also
    --------
    generative_recall : Which samples are missing.
    skgal.exceptions.ModeCollapseWarning : Where it is low in training.

    Examples
    --------
    >>> from skgal.metrics import diversity_ratio
    >>> diversity_ratio([[0.0], [1.0], [2.0]], [[0.0], [0.5], [1.0]])
    0.5
    """
    real, generated = without_offset(*check_points(2, real=real, generated=generated))
    spread = _mean_distance(real)
    return float(_mean_distance(generated) / spread) if spread > 0 else np.nan


def memorization_ratio(train, generated, held_out):
    """How near generated samples are to training rows, relative to how near unseen rows are.

    The mean distance of a generated sample to its nearest training row, divided by the mean
    distance of a held-out row to its nearest training row. Rows that the generator never saw
    are what an ideal generator draws; nearer than they are to the training rows is copied.

    Parameters
    ----------
    train : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        The rows that the generator was fitted to.
    generated : array-like of as many features
        Generated samples.
    held_out : array-like of as many features
        Real rows that the generator was not fitted to.

    Returns
    -------
    float
        0 for copies of training rows, about 1 for new samples of the same distribution, above
        1 for samples that are unlike the data. Where held-out rows themselves are all copies
        of training rows (a small discrete table): 1 if the generated are, too, else infinity.

    Raises
    ------
    ValueError
        If numbers of features differ, or a sample is empty or holds NaN.

    See Also
    --------
    compare_tables : Has it among its rows.
    generative_precision : Whether samples could be real at all.

    References
    ----------
    C. Meehan, K. Chaudhuri, S. Dasgupta, "A non-parametric test to detect data-copying in
    generative models", AISTATS 2020, compare the same distances, by ranks.

    Examples
    --------
    >>> from skgal.metrics import memorization_ratio
    >>> memorization_ratio([[0.0], [4.0]], [[0.0], [5.0]], [[1.0], [3.0]])
    0.5
    """
    train, generated, held_out = without_offset(
        *check_points(1, train=train, generated=generated, held_out=held_out)
    )
    of_generated = nearest_distances(generated, train).mean()
    of_held_out = nearest_distances(held_out, train).mean()
    if of_held_out == 0:
        return 1.0 if of_generated == 0 else np.inf
    return float(of_generated / of_held_out)


def inception_score(proba, *, n_splits=1, return_std=False, random_state=0):
    """How sure a classifier is of each generated sample, and how evenly it sees all classes.

    High where each sample is clearly of one class and all classes occur. It doesn't compare
    with real samples: copies of one sample a class are rated best.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Class probabilities of generated samples, by a classifier trained on real ones.
    n_splits : int, default=1
        The score is the mean over so many parts of the samples; it is biased, and more so for
        small parts, so compare scores of equal numbers. The paper takes ten.
    return_std : bool, default=False
        Whether to return the standard deviation over the parts, too.
    random_state : int, RandomState instance or None, default=0
        Decides which sample is in which part.

    Returns
    -------
    score : float
        In [1, n_classes]; higher is better.
    std : float
        Standard deviation over the parts. Only with ``return_std``.

    Raises
    ------
    ValueError
        If ``proba`` isn't 2-D, holds NaN or values outside [0, 1], or ``n_splits`` is not from
        1 to n_samples.

    See Also
    --------
    frechet_distance : Compares with real samples.
    skgal.generators.GenerationScorer : Has it among its scores.

    References
    ----------
    T. Salimans et al., "Improved techniques for training GANs", NeurIPS 2016, section 4.

    Examples
    --------
    >>> from skgal.metrics import inception_score
    >>> inception_score([[1.0, 0.0], [0.0, 1.0]])
    2.0
    """
    proba = check_proba(proba)
    if not 1 <= n_splits <= len(proba):
        raise ValueError(
            f"n_splits must be from 1 to the number of samples, {len(proba)}, got {n_splits}."
        )
    # Generated class by class, a part of neighbours would hold one class only.
    shuffled = proba[check_random_state(random_state).permutation(len(proba))]
    scores = [
        np.exp(rel_entr(part, part.mean(axis=0)).sum(axis=1).mean())
        for part in np.array_split(shuffled, n_splits)
    ]
    score = float(np.mean(scores))
    return (score, float(np.std(scores))) if return_std else score


def check_points(min_samples, **samples):
    """Return samples, by their argument names, as float64 matrices of equal width."""
    points = []
    for name, values in samples.items():
        try:
            array = check_array(
                values,
                dtype=np.float64,
                allow_nd=True,
                ensure_min_samples=min_samples,
                input_name=name,
            )
        except ValueError as error:
            if "could not convert" not in str(error):
                raise
            raise ValueError(
                f"{name} holds values that aren't numbers; turn mixed tables into points by "
                "skgal.metrics.to_points(real, generated) first."
            ) from error
        points.append(array.reshape(len(array), -1))
    widths = [each.shape[1] for each in points]
    if len(set(widths)) > 1:
        raise ValueError(
            f"{' and '.join(samples)} must have the same features, got "
            f"{' and '.join(map(str, widths))} of them."
        )
    return points


def nearest_distances(queries, points):
    """Return the distance of each query to the nearest of some points."""
    return _kth_distances(queries, points, 1)


def _radii(points, n_neighbors, name):
    """Return the distance of each point to its k-th nearest other one."""
    if not 1 <= n_neighbors < len(points):
        raise ValueError(
            f"n_neighbors must be from 1 to {len(points) - 1}, as {name} has {len(points)} "
            f"samples, got {n_neighbors}."
        )
    # The nearest of all is the point itself. Points on the edge are inside, whatever is rounded.
    return _kth_distances(points, points, n_neighbors + 1) * (1 + _ROUNDING)


def _kth_distances(queries, points, k):
    """Return the distance of each query to the k-th nearest of some points."""
    if points.shape[1] <= _TREE_WIDTH:
        tree = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(points)
        return tree.kneighbors(queries)[0][:, -1]
    return _reduce(queries, points, lambda block, start: np.partition(block, k - 1)[:, k - 1])


def _count_balls(queries, centres, radii):
    """Count for each query the balls that it lies in."""
    return _reduce(queries, centres, lambda block, start: (block <= radii).sum(axis=1))


def _mean_distance(points):
    """Return the mean distance between two different points of a sample."""
    sums = _reduce(points, points, lambda block, start: block.sum(axis=1))
    return sums.sum() / (len(points) * (len(points) - 1))


def _reduce(X, Y, function):
    """Reduce blocks of distances between all rows of X and all of Y, one entry a row of X."""
    # Of differences, by SciPy: by scikit-learn's squares copies would be 1e-8 apart.
    blocks = pairwise_distances_chunked(X, Y, reduce_func=function, metric="minkowski", p=2)
    return np.concatenate(list(blocks))


def _kernel_sum(X, Y, kernel, *, skip_diagonal=False):
    """Return the sum of the polynomial kernel over all pairs, or over those of different rows."""
    total = 0.0
    for rows in gen_batches(len(X), _BLOCK):
        block = polynomial_kernel(X[rows], Y, **kernel)
        total += block.sum() - (np.trace(block, offset=rows.start) if skip_diagonal else 0.0)
    return float(total)
