"""The contract of generators, as checks that anyone can run on their own."""

from functools import partial

from skgal.testing._generator_checks import GENERATOR_CHECKS, Specimen
from skgal.testing._runner import run_checks


def generator_checks(generator):
    """List the checks of a generator, for ``pytest.mark.parametrize`` for example.

    Parameters
    ----------
    generator : generator
        As for :func:`check_generator`.

    Returns
    -------
    list of (str, callable)
        Name and check; a check takes no argument and raises if the promise is broken.

    Examples
    --------
    >>> from skgal.generators import GAN
    >>> from skgal.testing import generator_checks
    >>> checks = dict(generator_checks(GAN(max_iter=2, batch_size=8)))
    >>> checks["check_clone"]()
    """
    specimen = Specimen(generator)
    return [(check.__name__, partial(check, specimen)) for check in GENERATOR_CHECKS]


def check_generator(generator, *, expected_failures=None):
    """Check that a generator keeps the promises of all generators.

    Among them: samples have the shape, dtype and range of the data, tables and images alike; a
    seed decides everything, and the global random states nothing; a latent point determines its
    sample; it can be cloned and pickled; a fit with a checkpoint that was broken off goes on to
    the same end; a conditional generator draws just the classes it is asked for.

    It is fitted about fifteen times, on 24 samples: pass one of few updates. scikit-learn's
    ``check_estimator`` is for what it expects of any estimator.

    Parameters
    ----------
    generator : generator
        It is cloned, and never changed. One whose tags say that it needs y counts as
        conditional. If ``random_state`` is a parameter of its and None, the clones get one.
    expected_failures : dict from str to str, default=None
        Names of checks that must fail, each with the reason why that is all right.

    Raises
    ------
    AssertionError
        If a promise is broken, or one is kept that was expected to be broken.
    Exception
        Whatever the generator itself raises. A note names the check.

    Examples
    --------
    >>> from skgal.generators import CGAN
    >>> from skgal.testing import check_generator
    >>> check_generator(CGAN(latent_dim=2, max_iter=2, batch_size=8, architecture="dense"))
    """
    run_checks(generator_checks(generator), type(generator).__name__, expected_failures)
