"""What every adversarially trained generator of given classes has in common."""

from functools import partial

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skgal.base import ConditionalGenerator
from skgal.generators._adversarial import AdversarialGenerator
from skgal.utils import LabelTemplate, is_missing


class ConditionalAdversarialGenerator(ConditionalGenerator, AdversarialGenerator):
    """Base of generators of given classes that are trained against a critic.

    A subclass names its parameters and implements :meth:`_make_net`, which gives a net of
    :mod:`skgal.training` the generator of :meth:`_generator_factory` and a critic.
    """

    def _check_training_data(self, check, X, y):
        """Return the samples as networks see them, and the class of each as an index."""
        if y is not None:
            _refuse_missing(y, type(self).__name__)
        self.label_template_ = LabelTemplate.of(y)
        tensor, y = check(self, X, y)
        check_classification_targets(y)
        return tensor, self._class_indices(y) if self._trains_on() else self._fit_classes(y)

    def _generator_factory(self, architecture):
        """Return what makes the generator, called as ``generator(latent, labels)``."""
        return partial(
            architecture.make_conditional_generator,
            self.latent_dim,
            self.layout_.shape,
            len(self.classes_),
        )

    def generate(self, Z, y=None):
        """Map latent points to samples of given classes.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
        y : array-like of shape (n_samples,), or class label
            The class of each sample, or of all. Required; the default is that of generators without
            classes.

        Returns
        -------
        X : array or DataFrame of n_samples samples, laid out as the training data

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


def _refuse_missing(y, name):
    missing = is_missing(y)
    if missing.any():
        raise ValueError(
            f"y holds {np.count_nonzero(missing)} missing labels (NaN or None) among "
            f"{len(missing)}, but {name} learns from samples whose class is known: expected a "
            "class label for each sample. Leave these samples out, or have them labelled."
        )
