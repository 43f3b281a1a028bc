"""The classes themselves; each derives from the built-in type a user would expect."""


class ChannelsLastWarning(UserWarning):
    """Images look as if their channels were the last axis, which is taken for their width.

    Usual remedy: ``np.moveaxis(X, -1, 1)``.

    See Also
    --------
    skgal.datasets.load_image_folder : Loads images with their channels first.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from skgal.exceptions import ChannelsLastWarning
    >>> from skgal.generators import GAN
    >>> images = np.random.RandomState(0).rand(10, 8, 8, 3)  # (n, height, width, channels)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = GAN(max_iter=1, architecture="dense", random_state=0).fit(images)
    >>> any(warning.category is ChannelsLastWarning for warning in caught)
    True
    """


class ConstantColumnWarning(UserWarning):
    """A column that was constant in the fitted data has other values, which no network has seen.

    Usual remedies: leaving the column out, or fitting to data in which it varies.

    See Also
    --------
    IdentifierColumnWarning : A column with too many values.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from skgal.exceptions import ConstantColumnWarning
    >>> from skgal.generators import Autoencoder
    >>> X = np.random.RandomState(0).rand(50, 3)
    >>> X[:, 2] = 1.0
    >>> autoencoder = Autoencoder(latent_dim=2, max_iter=5, random_state=0).fit(X)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = autoencoder.transform(X + 1.0)
    >>> any(warning.category is ConstantColumnWarning for warning in caught)
    True
    """


class CriticWonWarning(UserWarning):
    """The critic separates real from generated samples, so the generator learns nothing more.

    Usual remedies: a ``penalty`` that keeps the critic smooth, ``objective="wasserstein"``, an
    augmentation, a smaller ``critic_iter``.

    See Also
    --------
    ModeCollapseWarning : The generator's other way to fail.
    skgal.inspection.TrainingHistoryDisplay : Shows it.

    Examples
    --------
    >>> import warnings
    >>> from sklearn.datasets import load_iris
    >>> from skgal.exceptions import CriticWonWarning
    >>> from skgal.generators import GAN
    >>> gan = GAN(
    ...     objective="nonsaturating", penalty=None, learning_rate=0.3, max_iter=100, random_state=0
    ... )
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = gan.fit(load_iris().data)
    >>> any(warning.category is CriticWonWarning for warning in caught)
    True
    """


class FewSamplesWarning(UserWarning):
    """A class is to be filled up that has few samples, so that little is known of how it varies.

    Usual remedies: more samples of the class, or a ``sampling_strategy`` that leaves it alone.

    See Also
    --------
    SingleSampleClassWarning : There is only one.

    Examples
    --------
    >>> import warnings
    >>> from sklearn.datasets import load_iris
    >>> from skgal.exceptions import FewSamplesWarning
    >>> from skgal.generators import PolarityGAN
    >>> from skgal.resampling import PolarityGANSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> gan = PolarityGAN(max_iter=5, autoencoder_max_iter=5)
    >>> sampler = PolarityGANSampler(gan, random_state=0)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = sampler.fit_resample(X[:54], y[:54])  # four of the second class
    >>> any(warning.category is FewSamplesWarning for warning in caught)
    True
    """


class GateLeakWarning(UserWarning):
    """What makes synthetic samples was fitted beforehand, and the gate can't know to what.

    If it has seen the samples that the gate tests the classifier on, the gate opens wrongly. Usual
    remedies: passing it without ``FrozenEstimator``, so that it is fitted in each fold; fitting it
    to other data than those that are resampled, and ignoring this warning.

    See Also
    --------
    skgal.resampling.GatedSampler : The gate.
    UselessSamplesWarning : The gate stays closed.

    Examples
    --------
    >>> import warnings
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.exceptions import GateLeakWarning
    >>> from skgal.generators import CGAN
    >>> from skgal.resampling import GANOverSampler, GatedSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[:110], y[:110]
    >>> cgan = FrozenEstimator(CGAN(max_iter=5, random_state=0).fit(X, y))
    >>> gate = GatedSampler(GANOverSampler(cgan), GaussianNB(), cv=2, random_state=0)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = gate.fit_resample(X, y)
    >>> any(warning.category is GateLeakWarning for warning in caught)
    True
    """


class IdentifierColumnWarning(UserWarning):
    """A column has another category in nearly every row: a name, an address, a number of a record.

    What is generated repeats these word for word. Usual remedy: dropping the column.

    See Also
    --------
    ConstantColumnWarning : A column with too few values.

    Examples
    --------
    >>> import warnings
    >>> import pandas as pd
    >>> from skgal.exceptions import IdentifierColumnWarning
    >>> from skgal.generators import GAN
    >>> table = pd.DataFrame({"name": [f"Jane Doe {i}" for i in range(100)], "age": range(100)})
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = GAN(max_iter=1, random_state=0).fit(table)
    >>> any(warning.category is IdentifierColumnWarning for warning in caught)
    True
    """


class ModeCollapseWarning(UserWarning):
    """What is generated varies far less than the data do.

    Usual remedies: more updates if there were few, a ``penalty``, another ``objective``, a
    smaller ``learning_rate``; `skgal.generators.FrechetSelection` keeps an earlier generator.

    See Also
    --------
    CriticWonWarning : The generator's other way to fail.
    skgal.metrics.diversity_ratio : Measures it.

    Examples
    --------
    >>> import warnings
    >>> from sklearn.datasets import load_iris
    >>> from skgal.exceptions import ModeCollapseWarning
    >>> from skgal.generators import GAN
    >>> gan = GAN(learning_rate=1.0, max_iter=50, random_state=0)  # far too large a step
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = gan.fit(load_iris().data)
    >>> any(warning.category is ModeCollapseWarning for warning in caught)
    True
    """


class NonFiniteLossError(FloatingPointError):
    """A training loss became NaN or infinite; the networks are unusable from then on.

    Usual remedies: a smaller ``learning_rate``, another ``objective``, a ``penalty`` such as
    ``"gradient_penalty"``.

    See Also
    --------
    CriticWonWarning : Losses that are finite and useless.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgal.exceptions import NonFiniteLossError
    >>> from skgal.generators import GAN
    >>> gan = GAN(objective="wasserstein", penalty=None, learning_rate=1e30, random_state=0)
    >>> try:
    ...     gan.fit(load_iris().data)
    ... except NonFiniteLossError:
    ...     print("try a smaller learning_rate")
    try a smaller learning_rate
    """


class NotDifferentiableError(TypeError):
    """An estimator has no known form that torch can differentiate.

    Usual remedies: a search without gradients, or `skgal.differentiable.register_differentiable`.

    See Also
    --------
    skgal.differentiable.register_differentiable : Gives an estimator such a form.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skgal.differentiable import differentiable
    >>> from skgal.exceptions import NotDifferentiableError
    >>> tree = DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1])
    >>> try:
    ...     differentiable(tree, "predict_proba")
    ... except NotDifferentiableError:
    ...     print("no gradient")
    no gradient
    """


class PoorSamplesWarning(UserWarning):
    """Generated samples lie far from real ones, those of their class if it is known.

    For resampling, that they lie among those of other classes is warned of, too.

    Usual remedies: more updates or another generator, or fewer samples. For resampling:
    `skgal.resampling.PolarityGANSampler`, whose samples lie between real ones;
    `skgal.resampling.GatedSampler`, which finds out if they help.

    See Also
    --------
    UselessSamplesWarning : A gate found no use.
    skgal.metrics.generative_precision : Measures it.

    Examples
    --------
    >>> import warnings
    >>> from sklearn.datasets import load_iris
    >>> from skgal.exceptions import PoorSamplesWarning
    >>> from skgal.generators import CGAN
    >>> from skgal.resampling import GANOverSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> sampler = GANOverSampler(CGAN(max_iter=1), random_state=0)  # hardly trained
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = sampler.fit_resample(X[:110], y[:110])
    >>> any(warning.category is PoorSamplesWarning for warning in caught)
    True
    """


class SingleSampleClassWarning(UserWarning):
    """A class has one training sample, so what is generated of it can hardly be anything else.

    Usual remedies: more samples of the class, or none.

    See Also
    --------
    FewSamplesWarning : There are some more.

    Examples
    --------
    >>> import warnings
    >>> from sklearn.datasets import load_iris
    >>> from skgal.exceptions import SingleSampleClassWarning
    >>> from skgal.generators import CGAN
    >>> X, y = load_iris(return_X_y=True)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = CGAN(max_iter=1, random_state=0).fit(X[:51], y[:51])
    >>> any(warning.category is SingleSampleClassWarning for warning in caught)
    True
    """


class UniformUncertaintyWarning(UserWarning):
    """The model is equally sure of every candidate, so uncertainty cannot guide the design.

    The design then only explores: it fills the latent space evenly.

    See Also
    --------
    UselessMatchesWarning : A search of uncertain samples finds none.

    Examples
    --------
    >>> import warnings
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.dummy import DummyClassifier
    >>> from skgal.exceptions import UniformUncertaintyWarning
    >>> from skgal.generators import DesignBox
    >>> from skgal.query import AISEL
    >>> X, y = load_iris(return_X_y=True)
    >>> model = DummyClassifier().fit(X, y)
    >>> strategy = AISEL(DesignBox(), n_candidates=100, random_state=0).fit(X)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = strategy.synthesize(X, y, model, batch_size=3)
    >>> any(warning.category is UniformUncertaintyWarning for warning in caught)
    True
    """


class UselessMatchesWarning(UserWarning):
    """The model is surer of samples found by a search than of samples drawn at random.

    Usual remedies: more updates of the generator, other features to match in, or a scan of the pool
    by `skgal.query.UncertaintySampling`.

    See Also
    --------
    UniformUncertaintyWarning : The model is equally sure everywhere.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.exceptions import UselessMatchesWarning
    >>> from skgal.generators import DesignBox
    >>> from skgal.query import ASAL
    >>> X = np.random.RandomState(0).rand(500, 2)
    >>> model = LogisticRegression().fit(X, X.sum(axis=1) > 1)
    >>> corner = DesignBox([(0.9, 1.0), (0.9, 1.0)])  # where the model is sure
    >>> strategy = ASAL(corner, n_neighbors=2, oversampling=2, align=False, random_state=0)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = strategy.fit(X).query(X, np.full(500, np.nan), model, batch_size=20)
    >>> any(warning.category is UselessMatchesWarning for warning in caught)
    True
    """


class UselessSamplesWarning(UserWarning):
    """Resampling doesn't improve the classifier, so the original data are returned.

    Usual remedies: class weights, a better generator, or leaving the data as they are.

    See Also
    --------
    PoorSamplesWarning : What may be wrong with the samples.
    skgal.resampling.GatedSampler : Gives the warning.

    Examples
    --------
    >>> import warnings
    >>> from imblearn.over_sampling import RandomOverSampler
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.exceptions import UselessSamplesWarning
    >>> from skgal.resampling import GatedSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> gate = GatedSampler(RandomOverSampler(), GaussianNB(), random_state=0)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     X_same, y_same = gate.fit_resample(X[:110], y[:110])
    >>> len(X_same), any(warning.category is UselessSamplesWarning for warning in caught)
    (110, True)
    """
