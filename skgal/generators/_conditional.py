"""What generators of given classes have in common: their classes, critics and predictions."""

from functools import partial

import numpy as np
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin, TransformerMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skgal.base import ConditionalGenerator
from skgal.differentiable import UserProba, register_differentiable
from skgal.generators._adversarial import AdversarialGenerator, layout_of_numbers
from skgal.utils import LabelTemplate, check_class_labels


class ConditionalAdversarialGenerator(ConditionalGenerator, AdversarialGenerator):
    """Base of generators of given classes that are trained against a critic.

    The game's generator and critic are called with latents, or samples, and the class of each.

    Parameters
    ----------
    architecture : {"auto", "dense", "dcgan", "resize", "residual", "r3gan", "biggan"} or \
Architecture, default="auto"
        The networks. ``"auto"`` is ``"dense"`` for tables and images of fewer than 8 pixels
        a side, else ``"resize"``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, in the dtype of those of ``fit``.
    class_count_ : ndarray of shape (n_classes,)
        The number of training samples of each class.

    See Also
    --------
    AdversarialGenerator : Without classes.
    CGAN : The plainest of them.

    Examples
    --------
    >>> from skgal.generators import ACGAN, CGAN, GAN, ConditionalAdversarialGenerator
    >>> [issubclass(kind, ConditionalAdversarialGenerator) for kind in (CGAN, ACGAN, GAN)]
    [True, True, False]
    """

    def check_data(self, X, y):
        """Return the samples as networks see them, and the class of each as an index."""
        self.label_template_ = LabelTemplate.of(y)
        tensor, y = self._check_samples(X, None if y is None else check_class_labels(y, warn=True))
        return tensor, self._class_indices(y) if self.is_warm_start() else self._fit_classes(y)

    def game_arguments(self, architecture):
        """Return what a conditional game of this generator is made with, but its critic."""
        shape, n_classes = self.layout_.shape, len(self.classes_)
        generator = partial(
            architecture.make_conditional_generator, self.latent_dim, shape, n_classes
        )
        return super().game_arguments(architecture) | {"generator": generator}

    def generate(self, Z, y=None):
        """Map latent points to samples of given classes.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
            Latent points.
        y : array-like of shape (n_samples,), or class label
            The class of each sample, or of all. Required; the default is that of generators without
            classes.

        Returns
        -------
        array or DataFrame of n_samples samples, laid out as the training data
            One sample for each latent point.

        Raises
        ------
        ValueError
            If Z has another width than ``latent_dim``, or y is missing, of another length, or
            holds a class that ``fit`` has not seen.
        """
        check_is_fitted(self)
        if y is None:
            raise ValueError(
                f"{type(self).__name__} generates samples of given classes, but y is None; pass a "
                "class for each row of Z, or call sample() to have classes drawn."
            )
        classes = self._class_indices(y, len(Z))
        check_consistent_length(Z, classes)
        return self._decode(Z, classes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


# A TransformerMixin, or set_output would not reach this transform.
class ClassCriticMixin(TransformerMixin):
    """Features and scores of a critic that is a :class:`skgal.nn.ConditionalCritic`."""

    def transform(self, X):
        """Map samples to the critic's penultimate features.

        Features that depend on the class are averaged over the classes, with their frequencies
        in the training data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), dtype float32
        """
        tensor = self._critic_input(X)
        critic = self._game.critic
        if critic.features_see_classes:
            return self._average(critic.features, tensor)
        return self._apply(critic.features, tensor, np.zeros(len(tensor), dtype=np.int64))

    def score_samples(self, X, y=None):
        """Rate how real samples look to the critic.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        y : array-like of shape (n_samples,), default=None
            The class that each sample is taken for. None: the mean over the classes, with their
            frequencies in the training data.

        Returns
        -------
        ndarray of shape (n_samples,), dtype float32
            The critic's value (logit), higher for more real-looking samples.
        """
        tensor = self._critic_input(X)
        if y is None:
            return self._average(self._game.critic, tensor)
        check_consistent_length(X, y)
        return self._apply(self._game.critic, tensor, self._class_indices(y))

    def _critic_input(self, X):
        """Return what the critic sees of samples."""
        return self._to_network(X)

    def _average(self, function, tensor):
        """Average a function of samples and classes over the classes' frequencies."""
        frequency = (self.class_count_ / self.class_count_.sum()).astype(np.float32)
        return sum(
            weight * self._apply(function, tensor, np.full(len(tensor), index))
            for index, weight in enumerate(frequency)
        )


class ClassifyingMixin(ClassifierMixin):
    """Predictions of a generator whose game has ``classify``: samples to logits of the classes."""

    def predict_log_proba(self, X):
        """Predict logarithms of class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), dtype float32
        """
        logits = self._apply(self._game.classify, self._to_network(X))
        return log_softmax(logits, axis=1)

    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), dtype float32
            One column for each of ``classes_``.
        """
        return np.exp(self.predict_log_proba(X))

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        indices = self.predict_log_proba(X).argmax(axis=1)
        return self.classes_[indices]

    def classifier_features(self, X):
        """Map samples to what the last layer of the classifying network sees.

        Unlike :meth:`transform`, whose features are those of the critic, or latent points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), dtype float32
        """
        return self._apply(self._game.classifier_features, self._to_network(X))


@register_differentiable(ClassifyingMixin, "predict_proba")
def _user_proba(generator):
    layout = layout_of_numbers(generator)
    return UserProba(generator.net_.trained_.classify, layout, generator.net_.device)
