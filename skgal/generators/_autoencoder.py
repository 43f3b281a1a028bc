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
    image_shape : tuple of int (channels, height, width) or None, default=None
        The shape of images that come as flat rows of X.
    max_iter : int, default=2500
        Number of updates.
    batch_size : int, default=64
        Samples a batch, at most the number of samples of X.
    learning_rate : float, default=1e-3
        Step size of Adam.
    betas : tuple of float, default=(0.9, 0.999)
        Adam's decay rates of the averages of gradients and of their squares.
    callbacks : list of skorch callbacks or None, default=None
        Called at updates and every 50 updates; a callback that stops skorch, such as
        ``EarlyStopping(monitor="reconstruction_loss")``, stops the training.
    device : str, default="auto"
        ``"auto"`` takes a CUDA GPU where there is one.
    precision : {"float32", "bfloat16"}, default="float32"
        What the networks compute in during ``fit``; ``"bfloat16"`` rounds, and is for large
        networks on a GPU that has it. Weights, losses and codes are float32 in both.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights and batches.
    verbose : int, default=0
        Print the loss every 50 updates if positive.
    warm_start : bool, default=False
        Make ``fit`` train the networks that are there for ``max_iter`` updates more.
    checkpoint : path-like or None, default=None
        A folder for the state of the training: a ``fit`` that was killed and is called again, with
        the same parameters and data, goes on from there and ends in the same bits.

    Attributes
    ----------
    net_ : skgal.training.GameNet
        The trained networks: ``net_.trained_.encoder`` and ``net_.trained_.decoder``.
    history_ : list of dict
        A row every 50 updates: ``updates``, ``reconstruction_loss``, ``dur`` (seconds).
    n_iter_ : int
        Number of updates made.
    latent_dim_ : int
    n_features_in_ : int
        Number of features, or of channels.
    feature_names_in_ : ndarray of str
        Column names, where X was a DataFrame.

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

    def __init__(
        self,
        *,
        latent_dim=64,
        architecture="auto",
        image_shape=None,
        max_iter=2500,
        batch_size=64,
        learning_rate=1e-3,
        betas=_BETAS,
        callbacks=None,
        device="auto",
        precision="float32",
        random_state=None,
        verbose=0,
        warm_start=False,
        checkpoint=None,
    ):
        self.latent_dim = latent_dim
        self.architecture = architecture
        self.image_shape = image_shape
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.betas = betas
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.checkpoint = checkpoint

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


def fit_autoencoder(training, tensor, make_encoder, make_decoder, *, max_iter, seed):
    """Train an autoencoder for another estimator to start from; return its game."""
    settings = training.settings("autoencoder") | {
        "max_iter": max_iter,
        "lr": _LEARNING_RATE,
        "optimizer__betas": _BETAS,
    }
    arguments = {"encoder": make_encoder, "decoder": make_decoder}
    return make_net(ReconstructionGame, arguments, seed=seed, **settings).fit(tensor).trained_
