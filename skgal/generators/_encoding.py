"""Generators with an encoder, which is what their ``transform`` is."""

import numpy as np
from sklearn.base import TransformerMixin


# A TransformerMixin, or set_output would not reach this transform.
class EncodingMixin(TransformerMixin):
    """Transforms by an encoder, and back by the generator.

    A subclass implements ``_encode(tensor)``, from samples as networks see them to latents.
    """

    def transform(self, X):
        """Map samples to the latent points that generate something like them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame

        Returns
        -------
        Z : ndarray of shape (n_samples, latent_dim), dtype float32, values in [-1, 1]
            The encoder's output, clipped to the latent cube.
        """
        return np.clip(self._encode(self._to_network(X)), *self.latent_distribution_.support())

    def inverse_transform(self, Z):
        """Map latent points to samples; the same as :meth:`generate`.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)

        Returns
        -------
        X : array or DataFrame of n_samples samples, laid out as the training data
        """
        return self.generate(Z)

    @property
    def _n_features_out(self):
        return self.latent_dim_
