"""The layers of a network whose outputs are looked at."""

from torch.nn.modules import activation

# The last ones of torch's activations are no hidden ones.
_NOT_HIDDEN = (
    activation.MultiheadAttention,
    activation.Softmax,
    activation.Softmax2d,
    activation.LogSoftmax,
)


def find_layers(module, names=None):
    """Find submodules by name, or all hidden activations.

    Parameters
    ----------
    module : torch.nn.Module
    names : list of str or None, default=None
        As ``named_modules`` spells them. None: all hidden activations that are modules.

    Returns
    -------
    list of torch.nn.Module

    Raises
    ------
    ValueError
        If there is no submodule of such a name, or no hidden activation.
    """
    if names is None:
        layers = [layer for layer in module.modules() if _is_hidden_activation(layer)]
        if not layers:
            raise ValueError(
                "The module has no hidden activation that is a torch.nn module; name the "
                "submodules whose outputs are to be seen by layers."
            )
        return layers
    known = dict(module.named_modules())
    unknown = sorted(set(names) - set(known))
    if unknown or not names:
        raise ValueError(
            f"layers must name submodules of the module, got {list(names)}; there are "
            f"{[name for name in known if name]}."
        )
    return [known[name] for name in names]


def _is_hidden_activation(layer):
    return type(layer).__module__ == activation.__name__ and not isinstance(layer, _NOT_HIDDEN)
