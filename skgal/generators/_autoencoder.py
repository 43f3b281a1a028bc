"""The autoencoder: a short code for samples, and its decoder."""

from functools import partial

from skgal.generators._base import NetworkEstimator, make_net
from skgal.nn import resolve_architecture
from skgal.training import ReconstructionGame

# Adam's defaults: the loss is fixed, other than that of a game.
_BETAS = (0.9, 0.999)
# Adam's step size for the autoencoders that other generators start from.
_LEARNING_RATE = 1e-3


class Autoencoder(NetworkEstimator):
    """Learn a short code for samples, from which a decoder restores them.

    Samples with similar codes look alike, so the code is a space to look for neighbours in:
    the features ``"autoencoder"`` of :class:`skgal.query.ASAL` [1]_. It draws no new samples.

    Parameters
    ----------
    latent_dim : int, default=64
        Width of the code. In the paper 64 for two digits of MNIST, 192 for ten, 256 for
        photographs.
    architecture : {"auto", "dense", "dcgan", "resize", "residual", "r3gan"} or Architecture, \
default="auto"
        Its encoder and, as the decoder, its generator. ``"auto"`` is `Dense` for tables and
        images of fewer than 8 pixels a side, else ``"resize"``. The paper's networks are those
        of tables 4, 6 and 9: strided convolutions, as here, but narrower, without
        a dense layer in between.

    Attributes
    ----------
    net_ : skgal.training.GameNet
        The trained networks: ``net_.trained_.encoder`` and ``net_.trained_.decoder``.
    history_ : list of dict
        A row every 50 updates: ``updates``, ``reconstruction_loss``, ``dur`` (seconds).

    See Also
    --------
    GIN : Its encoder inverts a generator that also draws new samples.

    References
    ----------
    .. [1] C. Mayer, R. Timofte, "Adversarial sampling for active learning" (ASAL), WACV 2020,
       section 3.2 and tables 4, 6 and 9.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skgal.generators import Autoencoder
    >>> X = load_digits().data[:100]
    >>> autoencoder = Autoencoder(latent_dim=4, max_iter=5, random_state=0).fit(X)
    >>> autoencoder.transform(X).shape
    (100, 4)
    >>> autoencoder.inverse_transform(autoencoder.transform(X)).shape
    (100, 64)
    """

    def make_game(self, architecture):
        """Return the game of encoder and decoder."""
        shape = self.layout_.shape
        return ReconstructionGame, {
            "encoder": partial(architecture.make_encoder, self.latent_dim, shape),
            "decoder": partial(architecture.make_generator, self.latent_dim, shape),
        }

    def resolve_architecture(self):
        """Return the architecture for the samples that ``fit`` has seen."""
        # Not for_table: a decoder draws no categories, the likeliest come out.
        return resolve_architecture(self.architecture, self.layout_.shape)

    def transform(self, X):
        """Map samples to their codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            Samples like those of ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, latent_dim), dtype float32
            The code of each sample.
        """
        return self._apply(self._game.encoder, self._to_network(X))

    def inverse_transform(self, Z):
        """Restore samples from their codes.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
            Codes.

        Returns
        -------
        array or DataFrame of n_samples samples, laid out as the training data
            The restored samples.

        Raises
        ------
        ValueError
            If Z has another width than ``latent_dim``.
        """
        values = self._apply(self._game.decoder, self._check_latent(Z))
        return self.layout_.from_network(values)

    @property
    def _n_features_out(self):
        return self.latent_dim_


def fit_autoencoder(setup, tensor, make_encoder, make_decoder, *, max_iter, seed):
    """Train an autoencoder for another estimator to start from; return its game."""
    settings = setup.settings("autoencoder") | {
        "max_iter": max_iter,
        "lr": _LEARNING_RATE,
        "optimizer__betas": _BETAS,
    }
    arguments = {"encoder": make_encoder, "decoder": make_decoder}
    return make_net(ReconstructionGame, arguments, seed=seed, **settings).fit(tensor).trained_
