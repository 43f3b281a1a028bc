"""What every estimator made of networks has in common: data, the template of ``fit``, files."""

import json
import re
from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from copy import copy
from hashlib import sha256
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from reprlib import repr as short_repr

import numpy as np
from joblib import hash as hash_of
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.preprocessing import QuantileTransformer
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from skgal.base import DocumentedMixin
from skgal.nn import (
    ARCHITECTURES,
    CONDITIONINGS,
    Architecture,
    Conditioning,
    apply_network,
    resolve_architecture,
    resolve_device,
)
from skgal.objectives import OBJECTIVES, PENALTIES, LazyPenalty, Objective, Penalty
from skgal.training import PRECISIONS, GameNet, TaskReport, TrainingCheckpoint, latent_distribution
from skgal.utils import (
    LAYOUTS,
    Interval,
    PlainCodec,
    StrOptions,
    as_label_array,
    as_random_state,
    as_samples,
    column_names,
    draw_seed,
    is_frame,
    is_mixed,
    make_layout,
    restored_on_failure,
    validated_fit,
)

# Parameters that may change between a killed training and the one that goes on.
_WITHOUT_EFFECT = {"callbacks", "checkpoint", "device", "verbose", "warm_start"}
# Where an object or function was in the memory of the process that was killed.
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_FILE_FORMAT = 1
# Parameters that may change before a warm start; all others make the networks and their losses.
_MAY_CHANGE = {
    *_WITHOUT_EFFECT,
    "autoencoder_max_iter",
    "batch_size",
    "betas",
    "classifier_learning_rate",
    "encoder_learning_rate",
    "encoder_max_iter",
    "learning_rate",
    "max_iter",
    "model_selection",
    "random_state",
}
# Settings of a net that a warm start changes; those of its optimizer are the last ones.
_NET_SETTINGS = ("max_iter", "batch_size", "callbacks", "checkpoint", "verbose")
_OPTIMIZER_SETTINGS = ("lr", "part_lr", "optimizer__betas")
# Parameters about how a generator is trained, whose values may be anything.
_NOT_SAVED = ("callbacks", "checkpoint", "model_selection")
# Errors that a manipulated description raises.
_MISFITS = (KeyError, TypeError, AttributeError, RuntimeError, OverflowError)
# Fitted attributes that follow from the parameters.
_REBUILT = ("latent_distribution_",)
_PLAIN_CLASSES = (
    *ARCHITECTURES.values(),
    *CONDITIONINGS.values(),
    *OBJECTIVES.values(),
    *PENALTIES.values(),
    LazyPenalty,
    *LAYOUTS,
    QuantileTransformer,
)


class NetworkEstimator(
    DocumentedMixin,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Base of estimators that train networks: a game, which :class:`skgal.training.GameNet` trains.

    A subclass says in :meth:`make_game` what is trained. If it has parameters of its own it lists
    all in ``__init__``, those below too, and describes what is different. ``fit`` checks the data
    and learns their layout, trains, and goes on with the networks that are there if ``warm_start``
    says so; files, pickles and checkpoints come with it. A subclass may override the steps of
    ``fit``:

    - :meth:`check_data`, for data of another kind, such as labelled ones;
    - :meth:`prepare`, for what brings new networks near the solution before the game;
    - :meth:`finish`, for what follows it;
    - :meth:`extra_nets`, if that trains networks of its own.

    Parameters
    ----------
    latent_dim : int, default=64
        Width of the latent space.
    architecture : {"auto", "dense", "dcgan", "resize", "residual", "r3gan"} or Architecture, \
default="auto"
        The networks. ``"auto"`` is ``"dense"`` for tables and images of fewer than 8 pixels
        a side, else ``"resize"``.
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
        networks on a GPU that has it. Weights, losses, penalties and samples are float32 in both.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, batches and what else is drawn.
    verbose : int, default=0
        Print losses every 50 updates if positive.
    warm_start : bool, default=False
        Make ``fit`` train the networks that are there for ``max_iter`` updates more.
        ``learning_rate``, ``betas`` and ``batch_size`` may have changed since the fit before, but
        not what the networks and their losses are made with.
    checkpoint : path-like or None, default=None
        A folder for the state of the training: a ``fit`` that was killed and is called again, with
        the same parameters and data, goes on from there and ends in the same bits.

    Attributes
    ----------
    net_ : skgal.training.GameNet
        ``net_.trained_`` is the game, whose attributes are the trained networks.
    layout_ : DataLayout or MixedLayout
        The way from the user's samples to those of the networks, and back.
    history_ : list of dict
        A row every 50 updates: ``updates``, a mean loss for each turn of the game, ``dur``
        (seconds).
    n_iter_ : int
        Number of updates made.
    latent_dim_ : int
        Width of the latent space.
    n_features_in_ : int
        Number of features, or of channels.
    feature_names_in_ : ndarray of str
        Column names, where X was a DataFrame.

    See Also
    --------
    AdversarialGenerator : With a critic.
    skgal.training.Game : What is trained.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import GAN, NetworkEstimator
    >>> gan = GAN(max_iter=50, random_state=0).fit(load_iris().data)
    >>> isinstance(gan, NetworkEstimator), gan.n_iter_
    (True, 50)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     gan.save(Path(folder, "gan.safetensors"))
    ...     same = GAN.load(Path(folder, "gan.safetensors"))
    >>> bool((same.sample(5, random_state=0) == gan.sample(5, random_state=0)).all())
    True
    """

    _parameter_constraints = {
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
        "architecture": [StrOptions({"auto", *ARCHITECTURES}), Architecture],
        "image_shape": [None, tuple, list],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "betas": [tuple, list],
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
        betas=(0.9, 0.999),
        callbacks=None,
        device="auto",
        precision="float32",
        random_state=None,
        verbose=0,
        warm_start=False,
        checkpoint=None,
    ):
        store_parameters(self, locals())

    @abstractmethod
    def make_game(self, architecture):
        """Return the game that is trained, and its arguments.

        Parameters
        ----------
        architecture : skgal.nn.Architecture
            What ``architecture`` stands for, for the samples' shape ``self.layout_.shape``.

        Returns
        -------
        game : type
            A subclass of :class:`skgal.training.Game`.
        arguments : dict
            What it is made with.
        """

    @validated_fit(prefer_skip_nested_validation=True)
    @restored_on_failure
    def fit(self, X, y=None):
        """Train the networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            At least two samples: numbers of any dtype, or a table that has categories, booleans
            or gaps as well.
        y : array-like of shape (n_samples,), default=None
            Class labels, for those that learn classes; ignored by others.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            If X is no table and holds NaN, or infinite values, or doesn't match ``image_shape``;
            if ``checkpoint`` holds another training; if a parameter that the networks were made
            with has changed before a warm start.
        skgal.exceptions.NonFiniteLossError
            If the training diverges.
        KeyboardInterrupt
            If the user stops it. Then, as after any error, the estimator is as it was before; with
            a ``checkpoint``, the same call goes on.
        """
        tensor, labels = self.check_data(X, y)
        context = self._init_callback_context(max_subtasks=None)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        rng = as_random_state(self.random_state)
        setup = NetSetup(self, (tensor, labels), context)  # before rng draws: it describes rng
        seed = draw_seed(rng)
        callbacks = self.make_callbacks(tensor, labels)
        if self.is_warm_start():
            self.net_ = self._warm_start_net(seed, setup, callbacks)
        else:
            self.net_ = self._new_net(seed, setup, callbacks)
            self.prepare(tensor, labels, rng, setup)
        self.net_.partial_fit(tensor, labels)
        self.history_ = history_rows(self.net_)
        self.n_iter_ = self.history_[-1]["updates"]
        self.finish(tensor, labels, rng, setup)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _new_net(self, seed, setup, callbacks):
        """Make a net with new networks, and note the parameters that they are made with."""
        self.latent_dim_ = self.latent_dim
        self._construction_params = self._copy_construction_params()
        net = self._make_net(seed, **setup.settings("game", callbacks))
        return net.initialize()

    def _warm_start_net(self, seed, setup, callbacks):
        """Return the net of the fit before, with the present settings of the training."""
        settings = setup.settings("game", callbacks, n_updates=self.net_.n_updates_)
        return setup.resume_net(self.net_, self._make_net(seed, **settings))

    def is_warm_start(self):
        """Tell whether ``fit`` goes on with the networks that are there."""
        return self.warm_start and hasattr(self, "net_")

    def check_data(self, X, y):
        """Check the data of ``fit``, and learn their layout unless it is a warm start.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            The samples of ``fit``.
        y : array-like of shape (n_samples,) or None
            Their classes.

        Returns
        -------
        tensor : ndarray of shape (n_samples, *shape), dtype float32
            The samples as networks see them.
        labels : ndarray of shape (n_samples,), dtype int64, or None
            Their classes, where the game reads them.
        """
        (tensor,) = self._check_samples(X)
        return tensor, None

    def _check_samples(self, X, *y):
        """Check samples, and labels if there are any, against the layout, or learn it."""
        if self.is_warm_start():
            self._check_unchanged()
            return _check_new_samples(self, X, *y)
        self.layout_, *checked = _check_training_samples(self, X, *y)
        return checked

    def _copy_construction_params(self):
        """Return copies of the parameters that the networks and their losses are made with."""
        params = self.get_params(deep=False)
        return {name: _copied(params[name]) for name in params if name not in _MAY_CHANGE}

    def _check_unchanged(self):
        """Refuse a warm start if parameters that the networks were made with have changed."""
        changed = {
            name: value
            for name, value in self._construction_params.items()
            if _stable_repr(value) != _stable_repr(getattr(self, name))
        }
        if changed:
            named = ", ".join(f"{name}={value!r}" for name, value in changed.items())
            raise ValueError(
                f"warm_start=True goes on with the networks of the fit before, which had {named}; "
                "set that again, or warm_start=False to start anew."
            )

    def make_callbacks(self, tensor, labels):
        """Return the skorch callbacks of the game."""
        return list(self.callbacks or ())

    def prepare(self, tensor, labels, rng, setup):
        """Bring new networks near the solution before the game; nothing here.

        Parameters
        ----------
        tensor : ndarray of shape (n_samples, *shape), dtype float32
            The samples, as `check_data` returns them.
        labels : ndarray of shape (n_samples,), dtype int64, or None
            Their classes.
        rng : numpy.random.RandomState
            What seeds are drawn from.
        setup : NetSetup
            Its ``settings`` are those of any further net.
        """

    def finish(self, tensor, labels, rng, setup):
        """Do what follows the game; nothing here. The parameters are those of `prepare`."""

    def resolve_architecture(self):
        """Return the architecture for the samples that ``fit`` has seen."""
        architecture = resolve_architecture(self.architecture, self.layout_.shape)
        groups = self.layout_.groups
        return architecture if groups is None else architecture.for_table(groups)

    def resolve_max_iter(self):
        """Return the number of updates that one ``fit`` makes."""
        return self.max_iter

    def _make_net(self, seed, **settings):
        """Build the net that trains the game; its networks are not made yet."""
        game, arguments = self.make_game(self.resolve_architecture())
        return make_net(
            game, arguments, seed=seed, ema_decay=getattr(self, "ema_decay", None), **settings
        )

    def extra_nets(self):
        """Return the nets besides ``net_``, not initialized, by the attributes that hold them."""
        return {}

    def _to_network(self, X):
        """Check new samples against those of ``fit`` and bring them to network layout."""
        check_is_fitted(self)
        (tensor,) = _check_new_samples(self, X)
        return tensor

    def _check_latent(self, Z):
        """Check latent points, or codes, and return them as networks take them."""
        check_is_fitted(self)
        Z = check_array(Z, dtype=np.float32, input_name="Z")
        if Z.shape[1] != self.latent_dim_:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but this {type(self).__name__} was fitted with "
                f"latent_dim={self.latent_dim_}."
            )
        return Z

    @property
    def _game(self):
        """The trained game: its attributes are the networks."""
        check_is_fitted(self)
        return self.net_.trained_

    def _apply(self, function, tensor, *others):
        """Apply a trained network, or one of its methods, to arrays."""
        return apply_network(function, tensor, self.net_.device, *others)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_iter_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # what networks return is float32, always
        tags.input_tags.allow_nan = True  # in tables
        return tags

    def save(self, path):
        """Write the fitted estimator to a file.

        The file, in the safetensors format, holds the weights, the parameters and what was
        learnt about the data's layout: names, dtypes, ranges and categories. No sample is in it,
        except those that `PolarityGAN` draws between.
        Not in it are ``callbacks``, ``checkpoint``, ``model_selection``, and the optimizers'
        state: a pickle has that.

        Parameters
        ----------
        path : path-like
            The file; one that is there is replaced.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If a parameter was set to an invalid value since ``fit``.
        TypeError
            If a parameter is an object that is neither plain nor an objective, a penalty, a
            conditioning or an architecture: a file without code can't make it again. Use pickle or
            joblib then.
        """
        check_is_fitted(self)
        self._validate_params()
        tensors, learnt = {}, {}
        for name, value in vars(self).items():
            if isinstance(value, GameNet):
                tensors |= {f"{name}/{key}": weight for key, weight in value.weights().items()}
            elif name.endswith("_") and name not in _REBUILT:
                learnt[name] = value
        params = self.get_params(deep=False)
        described = {
            "format": _FILE_FORMAT,
            "class": type(self).__name__,
            "params": {name: params[name] for name in params if name not in _NOT_SAVED},
            "made_with": self._construction_params,
            "learnt": learnt,
        }
        values = [*params.values(), *self._construction_params.values()]
        own = {type(component) for component in _components(values)}
        try:
            text = json.dumps(PlainCodec([*_PLAIN_CLASSES, *own]).encode(described))
        except TypeError as error:
            raise TypeError(
                f"{type(self).__name__} can't be saved without code: {error}. Use pickle or "
                "joblib instead."
            ) from error
        save_tensors(path, tensors, text)

    @classmethod
    def load(cls, path, *, classes=()):
        """Read an estimator from a file that :meth:`save` wrote.

        Parameters
        ----------
        path : path-like
            No code is run from it, wherever it comes from.
        classes : sequence of type, default=()
            Objectives, penalties, conditionings and architectures of your own that it may name.

        Returns
        -------
        estimator : fitted estimator of this class
            Without a GPU it works on the CPU, whatever it was trained on.

        Raises
        ------
        ValueError
            If the file is damaged, was changed, was written by a newer version, or holds
            another estimator, or tensors that its networks don't have.
        """
        tensors, text = load_tensors(path)
        try:
            described = PlainCodec([*_PLAIN_CLASSES, *classes]).decode(json.loads(text))
        except (*_MISFITS, ValueError) as error:
            raise ValueError(f"{path} does not hold what it should: {error}.") from error
        try:
            return cls._rebuild(described, tensors, path)
        except _MISFITS as error:
            raise ValueError(f"{path} does not hold what it should: {error}.") from error

    @classmethod
    def _rebuild(cls, described, tensors, path):
        if described["format"] > _FILE_FORMAT:
            raise ValueError(f"{path} was written by a newer version of skgal; update skgal.")
        if described["class"] != cls.__name__:
            raise ValueError(
                f"{path} holds a {described['class']}, not a {cls.__name__}; call "
                f"{described['class']}.load instead."
            )
        params, made_with = described["params"], described["made_with"]
        estimator = cls(**params)
        estimator._validate_params()
        # As it was in fit: parameters set since then are those of the next one.
        estimator.set_params(**made_with)._validate_params()
        for name in described["learnt"]:
            is_learnt = name.endswith("_") and not name.startswith("_") and name not in _REBUILT
            if not is_learnt or hasattr(cls, name):
                raise ValueError(f"{path} does not hold what it should: {name} is not learnt.")
        vars(estimator).update(described["learnt"])
        if hasattr(estimator, "latent"):  # an autoencoder draws none
            estimator.latent_distribution_ = latent_distribution(estimator.latent)
        settings = net_settings(estimator, "auto")
        nets = {"net_": estimator._make_net(seed=0, **settings), **estimator.extra_nets()}
        for name, net in nets.items():
            start = name + "/"
            weights = {k.removeprefix(start): w for k, w in tensors.items() if k.startswith(start)}
            try:
                setattr(estimator, name, net.load_weights(weights))
            except ValueError as error:
                raise ValueError(f"{path} does not hold what it should: {error}.") from error
        estimator._construction_params = made_with
        return estimator.set_params(**params)


def store_parameters(estimator, arguments):
    """Set the arguments of ``__init__``, its ``locals()``, as attributes of their names."""
    # Plain assignments would be twenty in each of nine classes; one left out is noticed late.
    arguments = {name: value for name, value in arguments.items() if name != "self"}
    vars(estimator).update(arguments)


# The data


def _check_training_samples(generator, X, *y):
    """Check samples and labels, if any; return the layout, the tensor and the labels."""
    X = as_samples(X)
    if not _is_table(X):
        X, *y = _check_array(generator, X, *y, reset=True, ensure_min_samples=2)
    elif len(X) < 2:
        raise ValueError(
            f"Found {len(X)} sample(s) in X, but {type(generator).__name__} needs two or more."
        )
    else:
        y = _check_table(generator, X, *y, reset=True)
    layout = make_layout(X, generator.image_shape)
    return layout, layout.to_network(X), *y


def _check_new_samples(generator, X, *y):
    """Check samples, and labels if there are any, against those of ``fit``; return the tensor."""
    X = as_samples(X)
    layout = generator.layout_
    has_names = hasattr(generator, "feature_names_in_")
    is_mixed_table = layout.groups is not None
    if is_mixed_table and has_names and not is_frame(X):
        raise ValueError(
            f"{type(generator).__name__} was fitted on a table with the columns "
            f"{list(generator.feature_names_in_)}, so X must be a DataFrame with these; got "
            f"{type(X).__name__}."
        )
    with _column_names_in_errors(generator, X):
        if is_mixed_table or (is_frame(X) and layout.template is not None):
            y = _check_table(generator, X, *y, reset=False)
            return layout.to_network(X), *y
        samples, *y = _check_array(generator, X, *y, reset=False)
    if samples.shape[1:] != layout.sample_shape:
        raise ValueError(
            f"Each sample of X has shape {samples.shape[1:]}, but {type(generator).__name__} was "
            f"fitted on samples of shape {layout.sample_shape}."
        )
    return layout.to_network(samples), *y


@contextmanager
def _column_names_in_errors(generator, X):
    """Add the columns of ``fit`` to the error by which scikit-learn refuses those of X."""
    try:
        yield
    except ValueError as error:
        known = list(getattr(generator, "feature_names_in_", ()))
        given = column_names(X) if is_frame(X) else known
        if not known or given == known:
            raise
        raise ValueError(
            f"{error}\n{type(generator).__name__} was fitted on {len(known)} columns, "
            f"{short_repr(known)}; X has {len(given)}, {short_repr(given)}."
        ) from error


def _is_table(X):
    """Tell whether X has columns of their own dtypes: a frame, or rows with gaps or categories."""
    return is_frame(X) or is_mixed(X)


def _check_array(generator, X, *y, **checks):
    y = [None if labels is None else as_label_array(labels, warn=True) for labels in y]
    checked = validate_data(generator, X, *y, allow_nd=True, **checks)
    return checked if y else (checked,)


def _check_table(generator, X, *y, reset):
    # scikit-learn checks the names of columns, the layout their content.
    validate_data(generator, X, *y, skip_check_array=True, reset=reset)
    if not y:
        return ()
    check_consistent_length(X, *y)
    return (column_or_1d(as_label_array(*y, warn=True)),)


# The training


class NetSetup:
    """What one ``fit`` gives the nets that it trains: settings, callbacks, checkpoints."""

    def __init__(self, estimator, data, context):
        self.estimator = estimator
        self.context = context
        # At the start: a RandomState changes as the training draws seeds from it.
        self._configuration = (
            None if estimator.checkpoint is None else _configuration_of(estimator, data)
        )

    def settings(self, part, callbacks=(), n_updates=0):
        """Return the parameters of a net but its game and seed; ``part`` names its checkpoint."""
        return {
            **net_settings(self.estimator, self.estimator.device),
            "checkpoint": self._make_checkpoint(part, n_updates),
            "callbacks": [*callbacks, TaskReport(self.context, self.estimator)],
            "verbose": int(self.estimator.verbose),
        }

    def resume_net(self, net, fresh):
        """Return a copy of a trained net, with the settings of a fresh one, to train on."""
        net = copy(net)  # networks, optimizer and history are copied, as in a pickle
        before = [getattr(net, name) for name in _OPTIMIZER_SETTINGS]
        for name in (*_NET_SETTINGS, *_OPTIMIZER_SETTINGS):
            setattr(net, name, getattr(fresh, name))
        if before != [getattr(net, name) for name in _OPTIMIZER_SETTINGS]:
            moments = net.optimizer_.state_dict()["state"]
            net.initialize_optimizer()
            net.optimizer_.load_state_dict({**net.optimizer_.state_dict(), "state": moments})
        return net.initialize_callbacks()

    def _make_checkpoint(self, part, n_updates):
        if self._configuration is None:
            return None
        configuration = {**self._configuration, "updates before": str(n_updates)}
        return TrainingCheckpoint(Path(self.estimator.checkpoint) / f"{part}.pt", configuration)


def net_settings(estimator, device):
    """Return the settings of a net that follow from an estimator's parameters."""
    return {
        "max_iter": estimator.resolve_max_iter(),
        "batch_size": estimator.batch_size,
        "lr": estimator.learning_rate,
        "optimizer__betas": tuple(estimator.betas),
        "optimizer__fused": True,
        "precision": estimator.precision,
        "device": resolve_device(device),
    }


def make_net(game, arguments, **settings):
    """Build the net that trains a game made with arguments."""
    return GameNet(game, **{f"module__{k}": v for k, v in arguments.items()}, **settings)


def history_rows(net):
    """Return a net's history as plain rows, one dict an epoch."""
    return [
        {name: value for name, value in row.items() if name != "batches"} for row in net.history
    ]


def _copied(value):
    """Copy a parameter that ``set_params`` of a nested estimator would change in place."""
    if isinstance(value, tuple | list):
        return type(value)(map(_copied, value))
    return clone(value) if isinstance(value, BaseEstimator) else value


def _configuration_of(estimator, data):
    """Describe a training by text that is the same in every process."""
    params = estimator.get_params(deep=False)
    shown = {
        name: _stable_repr(value) for name, value in params.items() if name not in _WITHOUT_EFFECT
    }
    return {"generator": type(estimator).__name__, **shown, "data": hash_of(data)}


def _stable_repr(value):
    if isinstance(value, np.random.RandomState):
        return f"a RandomState in the state {hash_of(value.get_state())}"
    return _ADDRESS.sub("", repr(value))


# Files

# Components among the parameters, which a file may name even if they are a user's own.
_COMPONENTS = (Objective, Penalty, Conditioning, Architecture)


def _components(values):
    """Find the components among some values, in lists and in parameters of others too."""
    for value in values:
        if isinstance(value, _COMPONENTS):
            yield value
            yield from _components(value.get_params(deep=False).values())
        elif isinstance(value, tuple | list):
            yield from _components(value)


def save_tensors(path, tensors, text):
    """Write tensors by name, and a text, to one safetensors file."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(tensors, path, metadata={"skgal": text, "sha256": _digest(tensors, text)})
    except SafetensorError as error:
        raise OSError(f"{path} can't be written: {error}.") from error


def load_tensors(path):
    """Read what `save_tensors` wrote; a file that is damaged, or of another kind, is refused."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, no dict
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged, or no safetensors file: {error}.") from error
    if "skgal" not in metadata:
        raise ValueError(f"{path} is a safetensors file, but was not written by skgal.")
    text = metadata["skgal"]
    if metadata.get("sha256") != _digest(tensors, text):
        raise ValueError(f"{path} was changed after it was written: its checksum differs.")
    return tensors, text


def _digest(tensors, text):
    digest = sha256(text.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(str((tensors[name].dtype, tuple(tensors[name].shape))).encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()
