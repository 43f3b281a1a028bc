"""Fitted generators as files of numbers and JSON, from which no code is run."""

import json

from sklearn.preprocessing import QuantileTransformer
from sklearn.utils.validation import check_is_fitted

from skgal.nn import ARCHITECTURES, CONDITIONINGS
from skgal.objectives import OBJECTIVES, PENALTIES, Objective
from skgal.training import UpdateNet, latent_distribution, load_tensors, save_tensors
from skgal.utils import LAYOUTS, PlainCodec

_FORMAT = 1
# Fitted attributes that follow from the parameters.
_REBUILT = ("latent_distribution_",)
# Parameters about how a generator is trained, whose values may be anything.
_NOT_SAVED = ("callbacks", "checkpoint", "model_selection")
_CODEC = PlainCodec(
    [
        *ARCHITECTURES.values(),
        *CONDITIONINGS.values(),
        *PENALTIES.values(),
        *LAYOUTS,
        QuantileTransformer,
    ]
)


class FileMixin:
    """Saving to a file, and loading from it.

    A subclass has :meth:`_make_nets`, which builds its nets by the names of the attributes
    that hold them, with new weights.
    """

    def save(self, path):
        """Write the fitted generator to a file.

        The file, in the safetensors format, holds the weights, the parameters and what was
        learnt about the data's layout: names, dtypes, ranges and categories. No sample is in it,
        except those that `PolarityGAN` draws between.
        Not in it are ``callbacks``, ``checkpoint``, ``model_selection``, and the optimizers'
        state: a pickle has that.

        Parameters
        ----------
        path : path-like

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the generator is not fitted.
        TypeError
            If a parameter is an object of your own, such as an architecture: a file without
            code can't make it again. Use pickle or joblib then.
        """
        check_is_fitted(self)
        tensors, learnt = {}, {}
        for name, value in vars(self).items():
            if isinstance(value, UpdateNet):
                tensors |= {f"{name}/{key}": weight for key, weight in value.weights().items()}
            elif name.endswith("_") and name not in _REBUILT:
                learnt[name] = value
        params = self.get_params(deep=False)
        if "objective" in params:
            params["objective"] = _by_name(params["objective"])
        described = {
            "format": _FORMAT,
            "class": type(self).__name__,
            "params": {name: params[name] for name in params if name not in _NOT_SAVED},
            "learnt": learnt,
        }
        save_tensors(path, tensors, json.dumps(_encode(described, type(self).__name__)))

    @classmethod
    def load(cls, path):
        """Read a generator from a file that :meth:`save` wrote.

        Parameters
        ----------
        path : path-like
            No code is run from it, wherever it comes from.

        Returns
        -------
        generator : fitted generator of this class
            Without a GPU it works on the CPU, whatever it was trained on.

        Raises
        ------
        ValueError
            If the file is damaged, was changed, was written by a newer version, or holds
            another generator.
        """
        tensors, text = load_tensors(path)
        try:
            return cls._rebuild(_CODEC.decode(json.loads(text)), tensors, path)
        except (KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise ValueError(f"{path} does not hold what it should: {error}.") from error

    @classmethod
    def _rebuild(cls, described, tensors, path):
        if described["format"] > _FORMAT:
            raise ValueError(f"{path} was written by a newer version of skgal; update skgal.")
        if described["class"] != cls.__name__:
            raise ValueError(
                f"{path} holds a {described['class']}, not a {cls.__name__}; call "
                f"{described['class']}.load instead."
            )
        generator = cls(**described["params"])
        vars(generator).update(described["learnt"])
        if hasattr(generator, "latent"):  # an autoencoder draws none
            generator.latent_distribution_ = latent_distribution(generator.latent)
        for name, net in generator._make_nets().items():
            start = name + "/"
            weights = {k.removeprefix(start): w for k, w in tensors.items() if k.startswith(start)}
            setattr(generator, name, net.load_weights(weights))
        return generator


def _by_name(objective):
    """Name an objective that has a name; one of the user's own stays what it is."""
    is_known = isinstance(objective, Objective) and OBJECTIVES.get(objective.name) == objective
    return objective.name if is_known else objective


def _encode(value, name):
    try:
        return _CODEC.encode(value)
    except TypeError as error:
        raise TypeError(
            f"{name} can't be saved without code: {error}. Use pickle or joblib instead."
        ) from error
