"""What a strategy promises that designs new samples."""

import numpy as np

from skgal.testing._common_checks import COMMON_CHECKS
from skgal.testing._problem import require


def check_as_many_samples(subject):
    """There are as many samples as were asked for, and a latent point for each."""
    problem = subject.problem()
    strategy = subject.fresh(problem)
    for batch_size in (1, 5):
        synthesis = strategy.synthesize(*problem[:3], batch_size=batch_size)
        latent = np.asarray(synthesis.latent)
        require(
            len(synthesis.X) == batch_size and latent.ndim == 2 and len(latent) == batch_size,
            f"{subject.name} was asked for {batch_size} samples; X has shape "
            f"{np.shape(synthesis.X)} and latent {latent.shape}.",
        )


def check_samples_like_those_of_x(subject):
    """Samples have the shape and dtype of those of X, and finite values."""
    _require_samples_like(subject, subject.problem())


def check_designed_images(subject):
    """Where X holds images of four dimensions, the samples are such."""
    _require_samples_like(subject, subject.problem(samples="images"))


def check_labels_that_are_strings(subject):
    """Labels may be strings, with NaN among them for the missing ones."""
    _require_samples_like(subject, subject.problem(classes=("dog", "cat")))


def _require_samples_like(subject, problem):
    made = subject.fresh(problem).synthesize(*problem[:3], batch_size=5).X
    require(
        made.shape[1:] == problem.X.shape[1:] and made.dtype == problem.X.dtype,
        f"{subject.name} designed samples of shape {made.shape[1:]} and dtype {made.dtype}; "
        f"those of X have {problem.X.shape[1:]} and {problem.X.dtype}.",
    )
    require(
        np.isfinite(made).all(), f"{subject.name} designed samples with NaN or infinite values."
    )


SYNTHESIS_CHECKS = (
    check_as_many_samples,
    check_samples_like_those_of_x,
    check_designed_images,
    check_labels_that_are_strings,
    *COMMON_CHECKS,
)
