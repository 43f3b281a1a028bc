"""The autoencoder: a short code for samples, and the way back."""

from functools import partial
from numbers import Integral, Real
from os import PathLike

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from skgal.generators._adversarial import history_rows
from skgal.generators._files import FileMixin
from skgal.generators._training import Training, renew
from skgal.generators._validation import check_new_samples, check_training_samples
from skgal.nn import ARCHITECTURES, Architecture, apply_network, resolve_architecture
from skgal.training import PRECISIONS, ReconstructionNet
from skgal.utils import as_random_state, draw_seed

# Adam's own: the short memory that suits games is none for a fixed loss.
_BETAS = (0.9, 0.999)


class Autoencoder(
    FileMixin,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Learn a short code for samples, from which a decoder restores them.

    Samples with similar codes look alike, so the code is a space to look for neighbours in:
    the features ``"autoencoder"`` of :class:`skgal.query.ASAL` [1]_. It draws no new samples.

    Parameters
    ----------
    latent_dim : int, default=64
        Width of the code. In the paper 64 for two digits of MNIST, 192 for ten, 256 for
        photographs.
    architecture : {"auto", "dense", "dcgan", "residual"} or Architecture, default="auto"
        Its encoder and, as the decoder, its generator. ``"auto"`` is ``"dense"`` for tables and
        images of fewer than 8 pixels a side, else ``"dcgan"``. The paper's networks are those
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
    net_ : skorch.NeuralNet
        The trained networks: the encoder ``net_.module_`` and ``net_.decoder_``.
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
    .. [1] ASAL, section 3.2 and tables 4, 6 and 9.

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

    _parameter_constraints = {
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
        "architecture": [StrOptions({"auto", *ARCHITECTURES}), Architecture],
        "image_shape": [None, tuple, list],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "callbacks": [None, tuple, list],
        "device": [str],
        "precision": [StrOptions(set(PRECISIONS))],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "checkpoint": [None, str, PathLike],
    }

    def __init__(
        self,
        *,
        latent_dim=64,
        architecture="auto",
        image_shape=None,
        max_iter=2500,
        batch_size=64,
        learning_rate=1e-3,
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
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.checkpoint = checkpoint

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Train encoder and decoder.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            At least two samples: numbers of any dtype, or a table that has categories, booleans
            or gaps as well.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X is no table and holds NaN, or infinite values, or doesn't match ``image_shape``;
            if ``checkpoint`` holds another training.
        skgal.exceptions.NonFiniteLossError
            If the training diverges.
        """
        trains_on = self.warm_start and hasattr(self, "net_")
        if trains_on:
            (tensor,) = check_new_samples(self, X)
        else:
            self.layout_, tensor = check_training_samples(self, X)
        context = self._init_callback_context(max_subtasks=None)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        training = Training(self, tensor, self.device, context)
        if trains_on:
            renew(self.net_, self._training_arguments(training, self.net_.n_updates_))
        else:
            self.latent_dim_ = self.latent_dim
            seed = draw_seed(as_random_state(self.random_state))
            self.net_ = self._make_net(training, seed).initialize()
        self.net_.partial_fit(tensor)
        self.history_ = history_rows(self.net_)
        self.n_iter_ = self.history_[-1]["updates"]
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _make_net(self, training, seed):
        """Build the net of encoder and decoder."""
        shape = self.layout_.shape
        architecture = resolve_architecture(self.architecture, shape)
        # Not for_table: a decoder draws no categories, the likeliest come out.
        return ReconstructionNet(
            partial(architecture.make_encoder, self.latent_dim, shape),
            decoder=partial(architecture.make_generator, self.latent_dim, shape),
            batch_size=self.batch_size,
            seed=seed,
            **self._training_arguments(training),
        )

    def _training_arguments(self, training, n_updates=0):
        arguments = training.arguments("autoencoder", self.callbacks or (), n_updates)
        return arguments | {"optimizer__betas": _BETAS}

    def _make_nets(self):
        """Build the net, by the name of the attribute that holds it, with new weights."""
        return {"net_": self._make_net(Training(self, None, "auto"), seed=0)}

    def transform(self, X):
        """Map samples to their codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame

        Returns
        -------
        Z : ndarray of shape (n_samples, latent_dim), dtype float32
        """
        check_is_fitted(self)
        (tensor,) = check_new_samples(self, X)
        return apply_network(self.net_.module_, tensor, self.net_.device)

    def inverse_transform(self, Z):
        """Restore samples from their codes.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)

        Returns
        -------
        X : array or DataFrame of n_samples samples, laid out as the training data

        Raises
        ------
        ValueError
            If Z has another width than ``latent_dim``.
        """
        check_is_fitted(self)
        Z = check_array(Z, dtype=np.float32, input_name="Z")
        if Z.shape[1] != self.latent_dim_:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but this autoencoder was fitted with "
                f"latent_dim={self.latent_dim_}."
            )
        values = apply_network(self.net_.decoder_, Z, self.net_.device)
        return self.layout_.from_network(values)

    @property
    def _n_features_out(self):
        return self.latent_dim_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # codes are float32, always
        tags.input_tags.allow_nan = True  # in tables
        return tags
