"""The contract of resamplers, as checks that anyone can run on their own."""

from functools import partial

from skgal.testing._resampler_checks import RESAMPLER_CHECKS, ResamplerSpecimen
from skgal.testing._runner import run_checks


def resampler_checks(resampler):
    """List the checks of a resampler, for ``pytest.mark.parametrize`` for example.

    Parameters
    ----------
    resampler : resampler
        As for :func:`check_resampler`.

    Returns
    -------
    list of (str, callable)
        Name and check; a check takes no argument and raises if the promise is broken.

    Examples
    --------
    >>> from imblearn.over_sampling import RandomOverSampler
    >>> from skgal.testing import resampler_checks
    >>> checks = dict(resampler_checks(RandomOverSampler()))
    >>> checks["check_quotas"]()
    """
    specimen = ResamplerSpecimen(resampler)
    return [(check.__name__, partial(check, specimen)) for check in RESAMPLER_CHECKS]


def check_resampler(resampler, *, expected_failures=None):
    """Check that an over-sampler keeps the promises of all resamplers.

    Among them: each class has just as many samples as ``sampling_strategy`` says, in all of its
    forms; the original samples come first; tables, images, lists and DataFrames come back as
    what they were; a seed decides everything, and the global random states nothing; a class of
    one sample is filled up, with a warning; a report adds up.

    It resamples about thirty times, 30 samples: pass one whose generator makes few updates, and
    that has no gate. ``parametrize_with_checks`` of imbalanced-learn and scikit-learn are for
    what these expect of any estimator.

    Parameters
    ----------
    resampler : resampler
        It is cloned, and never changed. If ``random_state`` is a parameter of its and None, the
        clones get one.
    expected_failures : dict from str to str, default=None
        Names of checks that must fail, each with the reason why that is all right.

    Raises
    ------
    AssertionError
        If a promise is broken, or one is kept that was expected to be broken.
    Exception
        Whatever the resampler itself raises. A note names the check.

    Examples
    --------
    >>> from imblearn.over_sampling import RandomOverSampler
    >>> from skgal.testing import check_resampler
    >>> check_resampler(
    ...     RandomOverSampler(),
    ...     expected_failures={
    ...         "check_layout_of_images": "imbalanced-learn takes two dimensions",
    ...         "check_containers": "and no polars",
    ...         "check_few_samples": "repeating them asks for no warning",
    ...         "check_bad_input": "NaN can be repeated as well",
    ...     },
    ... )
    """
    run_checks(resampler_checks(resampler), type(resampler).__name__, expected_failures)
