"""The classes themselves; each derives from the built-in type a user would expect."""


class ChannelsLastWarning(UserWarning):
    """Images look as if their channels were the last axis, which is taken for their width.

    Usual remedy: ``np.moveaxis(X, -1, 1)``.
    """


class ConstantColumnWarning(UserWarning):
    """A column that was constant in the fitted data has other values, which no network has seen.

    Usual remedies: leaving the column out, or fitting to data in which it varies.
    """


class CriticWonWarning(UserWarning):
    """The critic separates real from generated samples, so the generator learns nothing more.

    Usual remedies: a ``penalty`` that keeps the critic smooth, ``objective="wasserstein"``, an
    augmentation, a smaller ``critic_iter``.
    """


class FewSamplesWarning(UserWarning):
    """A class is to be filled up that has few samples, so that little is known of how it varies.

    Usual remedies: more samples of the class, or a ``sampling_strategy`` that leaves it alone.
    """


class GateLeakWarning(UserWarning):
    """What makes synthetic samples was fitted beforehand, and the gate can't know to what.

    If it has seen the samples that the gate tests the classifier on, the gate opens wrongly. Usual
    remedies: passing it without ``FrozenEstimator``, so that it is fitted in each fold; fitting it
    to other data than those that are resampled, and ignoring this warning.
    """


class IdentifierColumnWarning(UserWarning):
    """A column has another category in nearly every row: a name, an address, a number of a record.

    What is generated repeats these word for word. Usual remedy: dropping the column.
    """


class ModeCollapseWarning(UserWarning):
    """What is generated varies far less than the data do.

    Usual remedies: more updates if there were few, a ``penalty``, another ``objective``, a
    smaller ``learning_rate``; `skgal.generators.FrechetSelection` keeps an earlier generator.
    """


class NonFiniteLossError(FloatingPointError):
    """A training loss became NaN or infinite; the networks are unusable from then on.

    Usual remedies: a smaller ``learning_rate``, another ``objective``, a ``penalty`` such as
    ``"gradient_penalty"``.
    """


class NotDifferentiableError(TypeError):
    """An estimator has no known form that torch can differentiate.

    Usual remedies: a search without gradients, or `skgal.differentiable.register_differentiable`.
    """


class PoorSamplesWarning(UserWarning):
    """Generated samples lie far from real ones, those of their class if it is known.

    Usual remedies: more updates or another generator. For resampling:
    `skgal.resampling.PolarityGANSampler`, whose samples lie between real ones;
    `skgal.resampling.GatedSampler`, which finds out if they help.
    """


class SingleSampleClassWarning(UserWarning):
    """A class has one training sample, so what is generated of it can hardly be anything else.

    Usual remedies: more samples of the class, or none.
    """


class UniformUncertaintyWarning(UserWarning):
    """The model is equally sure of every candidate, so uncertainty cannot guide the design.

    The design then only explores: it fills the latent space evenly.
    """


class UselessMatchesWarning(UserWarning):
    """The model is surer of samples found by a search than of samples drawn at random.

    Usual remedies: more updates of the generator, other features to match in, or a scan of the pool
    by `skgal.query.UncertaintySampling`.
    """


class UselessSamplesWarning(UserWarning):
    """Resampling doesn't improve the classifier, so the original data are returned.

    Usual remedies: class weights, a better generator, or leaving the data as they are.
    """
