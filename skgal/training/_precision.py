"""Faster training: a lower precision, and channels-last convolutions. Weights stay float32."""

from itertools import chain

import torch
from torch import nn
from torch.nn.utils.parametrize import ParametrizationList

#: What networks may compute in while they are trained; None is without autocast.
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}


def prepare_network(network, precision):
    """Prepare a new network, in place, to train fast in a precision."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {list(PRECISIONS)}, got {precision!r}.")
    for module in network.modules():
        # Tensor cores work in this layout, and CPUs are a fifth to a third faster. Layer by layer:
        # buffers of images, such as anchors, are not for convolutions.
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.to(memory_format=torch.channels_last)
        if isinstance(module, ParametrizationList) and PRECISIONS[precision] is not None:
            _suspend_autocast(module)


def run_in(precision, function, *inputs):
    """Apply a network, or one of its methods, in a precision; what it returns is float32."""
    dtype = PRECISIONS[precision]
    if dtype is None:
        return function(*inputs)
    # One context for each call, not for a whole step: autocast caches its copies of the weights
    # until the context ends, which would miss the optimizer's step.
    with torch.autocast(inputs[0].device.type, dtype=dtype):
        outputs = function(*inputs)
    if isinstance(outputs, torch.Tensor):
        return outputs.float()
    return type(outputs)(output.float() for output in outputs)


def _suspend_autocast(module):
    """Have a module compute in the precision of its weights even within autocast."""
    contexts = []

    def enter(module, inputs):
        originals = chain(module.parameters(), module.buffers())
        contexts.append(torch.autocast(next(originals).device.type, enabled=False))
        contexts[-1].__enter__()

    def leave(module, inputs, output):
        contexts.pop().__exit__(None, None, None)

    module.register_forward_pre_hook(enter)
    module.register_forward_hook(leave, always_call=True)
