"""The contract of generators, as checks that anyone can run on their own."""

import pickle
import tempfile

import numpy as np
from sklearn.base import clone

from skgal.testing._runner import (
    Specimen,
    check_clone,
    check_global_random_state,
    images,
    list_checks,
    require,
    require_value_error,
    run_checks,
    table,
)


def generator_checks(generator):
    """List the checks of a generator, for ``pytest.mark.parametrize`` for example.

    Each has a name of its own in the report of the tests.

    Parameters
    ----------
    generator : generator
        As for :func:`check_generator`.

    Returns
    -------
    list of (str, callable)
        Name and check; a check takes no argument and raises if the promise is broken.

    See Also
    --------
    check_generator : All at once.

    Examples
    --------
    >>> from skgal.generators import GAN
    >>> from skgal.testing import generator_checks
    >>> checks = dict(generator_checks(GAN(max_iter=2, batch_size=8)))
    >>> checks["check_clone"]()
    """
    return list_checks(_CHECKS, GeneratorSpecimen(generator))


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

    See Also
    --------
    generator_checks : The same checks one by one.
    skgal.base.BaseGenerator : The contract.

    Examples
    --------
    >>> from skgal.generators import CGAN
    >>> from skgal.testing import check_generator
    >>> check_generator(CGAN(latent_dim=2, max_iter=2, batch_size=8, architecture="dense"))
    """
    run_checks(generator_checks(generator), type(generator).__name__, expected_failures)


N_SAMPLES = 30


class GeneratorSpecimen(Specimen):
    """A generator under test."""

    @property
    def is_conditional(self):
        """Whether it draws samples of given classes."""
        return self.estimator.__sklearn_tags__().target_tags.required

    def fit(self, X=None, y=None, **params):
        """Fit a clone with a seed to samples, or to a table of numbers."""
        return self.clone(**params).fit(table() if X is None else X, labels() if y is None else y)

    def draw(self, generator, n_samples=7, **kwargs):
        """Draw samples, without their classes."""
        drawn = generator.sample(n_samples, **kwargs)
        return drawn[0] if self.is_conditional else drawn

    def use(self):
        """Fit a clone and draw."""
        self.draw(self.fit())

    def generate(self, generator, Z):
        """Map latent points to samples, of the first class if there are classes."""
        if self.is_conditional:
            return generator.generate(Z, np.repeat(generator.classes_[:1], len(Z)))
        return generator.generate(Z)


def labels():
    """Labels of three classes, strings."""
    return np.array(["ant", "bee", "cat"])[np.arange(N_SAMPLES) % 3]


def check_layout_of_tables(specimen):
    """Samples have the columns, the dtype and the range of the table."""
    for dtype in (np.float64, np.float32, np.int64):
        X = table().astype(dtype)
        _require_layout(specimen, X, specimen.draw(specimen.fit(X)))


def check_layout_of_images(specimen):
    """Samples have the shape, the dtype and the range of images in four dimensions."""
    _require_layout(specimen, images(), specimen.draw(specimen.fit(images())))


def check_number_of_samples(specimen):
    """As many samples are drawn as were asked for, by default one; not fewer than one."""
    generator = specimen.fit()
    for n_samples in (1, 5):
        got = len(specimen.draw(generator, n_samples))
        require(got == n_samples, f"{specimen.name} drew {got} samples instead of {n_samples}.")
    default = generator.sample()
    default = default[0] if specimen.is_conditional else default
    require(len(default) == 1, f"{specimen.name}.sample() drew {len(default)} samples.")
    require_value_error(specimen, "0 samples", lambda: generator.sample(0))


def check_seed(specimen):
    """A seed decides the fit and the draw; another seed draws other samples."""
    generator = specimen.fit()
    again = specimen.fit()
    for kwargs in ({}, {"random_state": 3}):
        first, second = specimen.draw(generator, **kwargs), specimen.draw(again, **kwargs)
        require(
            np.array_equal(first, second),
            f"{specimen.name}, fitted twice with one seed, drew other samples with {kwargs}.",
        )
    other = specimen.draw(generator, random_state=4)
    require(
        not np.array_equal(other, specimen.draw(generator, random_state=3)),
        f"{specimen.name} draws the same samples whatever the random_state of sample.",
    )


def check_latent(specimen):
    """Latent points have the width and the support they should, and determine the sample."""
    generator = specimen.fit()
    Z = generator.sample_latent(6, random_state=1)
    require(
        Z.shape == (6, generator.latent_dim_),
        f"{specimen.name}.sample_latent(6) has shape {Z.shape}, latent_dim_ is "
        f"{generator.latent_dim_}.",
    )
    low, high = generator.latent_distribution_.support()
    require(
        bool(np.all((low <= Z) & (high >= Z))),
        f"{specimen.name} draws latent points outside [{low}, {high}].",
    )
    together, alone = specimen.generate(generator, Z), specimen.generate(generator, Z[[4]])
    require(
        np.allclose(together[4], alone[0], rtol=1e-4, atol=1e-4),
        f"{specimen.name} generates another sample from a latent point alone than among others.",
    )
    require_value_error(
        specimen, "latent points of another width", lambda: specimen.generate(generator, Z[:, 1:])
    )


def check_transform(specimen):
    """Features are finite and as many as are named; score_samples, if any, gives each a value."""
    generator = specimen.fit()
    features = generator.transform(table())
    require(
        features.shape == (N_SAMPLES, len(generator.get_feature_names_out()))
        and bool(np.isfinite(features).all()),
        f"{specimen.name}.transform gave {features.shape}, and names "
        f"{len(generator.get_feature_names_out())} features; they must be finite.",
    )
    if not hasattr(generator, "score_samples"):
        return
    scores = generator.score_samples(table())
    require(
        scores.shape == (N_SAMPLES,) and bool(np.isfinite(scores).all()),
        f"{specimen.name}.score_samples gave shape {scores.shape} for {N_SAMPLES} samples.",
    )


def check_pickling(specimen):
    """A fitted generator comes out of pickle and draws the same samples."""
    generator = specimen.fit()
    revived = pickle.loads(pickle.dumps(generator))
    require(
        np.array_equal(specimen.draw(generator), specimen.draw(revived)),
        f"{specimen.name} draws other samples out of pickle.",
    )


def check_inputs_unchanged(specimen):
    """Neither samples nor labels are changed by a fit, nor is a parameter."""
    X, y = table(), labels()
    before = repr(clone(specimen.estimator).get_params())
    generator = specimen.fit(X, y)
    require(
        np.array_equal(X, table()) and np.array_equal(y, labels()),
        f"{specimen.name}.fit changed what it was fitted to.",
    )
    params = generator.get_params()
    seed = specimen.estimator.get_params().get("random_state")
    require(
        seed is None or repr(params) == before,
        f"{specimen.name} had the parameters {before}, and after fit {params}.",
    )


def check_resume(specimen):
    """With a checkpoint, a fit that was broken off ends as an unbroken one would."""
    if "checkpoint" not in specimen.estimator.get_params(deep=False):
        return
    unbroken = specimen.fit()
    with tempfile.TemporaryDirectory() as folder:
        for callbacks in ([_break_off()], None):
            try:
                resumed = specimen.fit(checkpoint=folder, callbacks=callbacks)
            except _BrokenOffError:
                continue
    require(
        np.array_equal(specimen.draw(resumed), specimen.draw(unbroken)),
        f"{specimen.name} ends elsewhere when its fit is broken off and goes on.",
    )


def check_classes(specimen):
    """A conditional generator draws just the classes asked for, in that order."""
    if not specimen.is_conditional:
        return
    generator = specimen.fit()
    require(
        generator.classes_.tolist() == ["ant", "bee", "cat"],
        f"{specimen.name} learnt the classes {generator.classes_.tolist()}.",
    )
    asked = np.array(["cat", "ant", "ant", "bee", "cat"])
    X, y = generator.sample(y=asked)
    require(
        len(X) == 5 and np.array_equal(y, asked),
        f"{specimen.name} was asked for {asked.tolist()}, and drew {np.asarray(y).tolist()}.",
    )
    require_value_error(
        specimen, "a class that fit has not seen", lambda: generator.sample(y=["dog"])
    )


class _BrokenOffError(Exception):
    """How the check breaks a training off."""


def _break_off():
    from skorch.callbacks import Callback

    class BreakOff(Callback):
        def on_batch_end(self, net, **kwargs):
            if net.n_updates_ == max(net.max_iter // 2, 1):
                raise _BrokenOffError

    return BreakOff()


def _require_layout(specimen, X, drawn):
    require(
        drawn.shape[1:] == X.shape[1:] and drawn.dtype == X.dtype,
        f"{specimen.name} was fitted on samples of shape {X.shape[1:]} and dtype {X.dtype}, and "
        f"drew {drawn.shape[1:]} of {drawn.dtype}.",
    )
    axis = 0 if X.ndim == 2 else None
    low, high = X.min(axis=axis), X.max(axis=axis)
    require(
        bool(np.all((low <= drawn) & (high >= drawn))),
        f"{specimen.name} drew values outside the range of the data, from {low} to {high}.",
    )


_CHECKS = (
    check_clone,
    check_layout_of_tables,
    check_layout_of_images,
    check_number_of_samples,
    check_seed,
    check_latent,
    check_transform,
    check_pickling,
    check_inputs_unchanged,
    check_global_random_state,
    check_resume,
    check_classes,
)
