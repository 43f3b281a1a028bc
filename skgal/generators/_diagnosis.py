"""Warnings of trainings that have failed."""

import warnings

import numpy as np

from skgal.exceptions import CriticWonWarning, ModeCollapseWarning
from skgal.nn import apply_network
from skgal.training import diversity, residual_loss
from skgal.utils import as_random_state

# Shares below which a training counts as failed; those of healthy ones are far above.
_LEAST_DIVERSITY = 0.1
_LEAST_LOSS = 0.01
# Distances of so many samples tell enough, and cost nothing.
_N_SAMPLES = 256


def warn_of_failure(generator, tensor, labels):
    """Warn if samples hardly vary, or the critic has nothing left to learn.

    Parameters
    ----------
    generator : fitted estimator
        With ``net_``, ``history_`` and ``sample_latent``.
    tensor : ndarray of shape (n_samples, ...), dtype float32
        The training data as networks see them.
    labels : ndarray of shape (n_samples,), dtype int64, or None
        Their classes. With them samples are compared within their class.

    Warns
    -----
    skgal.exceptions.ModeCollapseWarning
    skgal.exceptions.CriticWonWarning
    """
    name, net = type(generator).__name__, generator.net_
    varied = _measure_diversity(generator, tensor, labels)
    if varied < _LEAST_DIVERSITY:
        warnings.warn(
            f"The samples of {name} vary {varied:.2g} times as much as the data after "
            f"{generator.n_iter_} updates: either the training was too short, or the generator "
            "has collapsed. Raise max_iter; if that doesn't help, try a penalty, another "
            "objective or a smaller learning_rate.",
            ModeCollapseWarning,
            stacklevel=4,
        )
    left = residual_loss(net.objective, generator.history_[-1]["critic_loss"])
    if left < _LEAST_LOSS:
        warnings.warn(
            f"The critic of {name} is right about every sample: {left:.1%} of its loss is left, "
            "so the generator has nothing to learn from. Try a penalty, an augmentation, "
            'objective="wasserstein" or a smaller critic_iter.',
            CriticWonWarning,
            stacklevel=4,
        )


def _measure_diversity(generator, tensor, labels):
    n_samples = min(_N_SAMPLES, len(tensor))
    rows = as_random_state(0).choice(len(tensor), n_samples, replace=False)
    classes = () if labels is None else (labels[rows],)
    Z = generator.sample_latent(n_samples, random_state=0)
    drawn = apply_network(generator.net_.generator_, Z, generator.net_.device, *classes)
    real = tensor[rows]
    if labels is not None:
        drawn, real = (_without_class_means(samples, *classes) for samples in (drawn, real))
    return diversity(drawn, real)


def _without_class_means(samples, labels):
    samples = samples.reshape(len(samples), -1).astype(np.float64)
    for label in np.unique(labels):
        samples[labels == label] -= samples[labels == label].mean(axis=0)
    return samples
