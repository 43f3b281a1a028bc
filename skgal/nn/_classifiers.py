"""Classifiers: AISEL's for images, those for Monte-Carlo dropout, a head that predicts losses."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skgal.nn._architecture import LEAK, Architecture, check_shape

# Images with such sides get the paper's network, smaller ones a smaller one.
_LARGE_SIDE = 32
# Above this side the first layers halve the image twice, as those of the original do.
_MAX_FULL_RESOLUTION = 64


class ConvClassifier(nn.Module):
    """The classifier of AISEL: three convolutions, two hidden layers, logits.

    Each convolution halves the image (stride 2, which the paper leaves open) and is followed
    by batch normalisation and leaky ReLU; each hidden layer by batch normalisation and ReLU.
    Pixels may come as uint8; ``scale`` and ``shift`` bring them to about [-1, 1].

    Parameters
    ----------
    image_shape : tuple of int (channels, height, width)
        The shape of one image.
    n_classes : int
        The number of classes.
    widths : tuple of int, default=(32, 64, 64)
        Channels of the convolutions.
    hidden : tuple of int, default=(512, 64)
        Units of the hidden layers.
    value_range : tuple of float, default=(0.0, 255.0)
        What the darkest and the brightest pixel are.

    See Also
    --------
    ResNet : Deeper, with dropout.
    DropoutMLP : For tables.

    References
    ----------
    .. [1] J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43,
       2021, appendix D.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import ConvClassifier
    >>> net = ConvClassifier((1, 28, 28), n_classes=10)
    >>> net(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        image_shape,
        n_classes,
        *,
        widths=(32, 64, 64),
        hidden=(512, 64),
        value_range=(0.0, 255.0),
    ):
        super().__init__()
        channels, height, width = image_shape
        self.value_range = value_range
        layers = []
        for n_out in widths:
            layers += [
                nn.Conv2d(channels, n_out, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(n_out),
                nn.LeakyReLU(LEAK),
            ]
            channels, height, width = n_out, -(-height // 2), -(-width // 2)
        layers.append(nn.Flatten())
        n_in = channels * height * width
        for n_out in hidden:
            layers += [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]
            n_in = n_out
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(n_in, n_classes)

    def forward(self, images):
        """Return the logits, shape (n, n_classes), of images of shape (n, c, h, w)."""
        low, high = self.value_range
        scaled = (images.float() - low) * (2 / (high - low)) - 1
        return self.head(self.features(scaled))


def make_classifier(
    architecture: Architecture, shape: tuple[int, ...], n_classes: int
) -> nn.Sequential:
    """Build a classifier, or an encoder, whose hidden layers are those of a critic.

    It suits the samples as well as the critic does that the same recipe makes.

    Parameters
    ----------
    architecture : Architecture
        Builds the critic.
    shape : tuple of int
        The shape of one sample: (n_features,) or (channels, height, width).
    n_classes : int
        The number of outputs.

    Returns
    -------
    torch.nn.Sequential
        The hidden layers and the last one; maps (n, *shape) to (n, n_classes), not bounded.

    See Also
    --------
    make_dropout_classifier : With dropout.
    skgal.classifiers.fit_reference_classifier : Trains one.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Dense, make_classifier
    >>> make_classifier(Dense(), (4,), 3)(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """
    critic = architecture.make_critic(shape)
    return nn.Sequential(critic.body, nn.Linear(critic.n_features, n_classes))


class ResNet(nn.Sequential):
    """Residual network with dropout before its last block.

    With the default blocks and widths it is ResNet-34 [1]_. Its stem halves images of more than 64
    pixels a side twice, as there, and keeps the resolution of smaller ones.

    Parameters
    ----------
    shape : tuple of int (channels, height, width)
        The shape of one image.
    n_classes : int
        The number of classes.
    blocks : tuple of int, default=(3, 4, 6, 3)
        Number of blocks of each stage; from stage to stage the resolution is halved.
    widths : tuple of int, default=(64, 128, 256, 512)
        Channels of each stage.
    dropout : float, default=0.5
        Probability that a value is set to zero before the last block [2]_.

    Attributes
    ----------
    feature_layers : list of str
        Names of the blocks.

    See Also
    --------
    DropoutMLP : For tables.
    ConvClassifier : Smaller, without dropout.

    References
    ----------
    .. [1] K. He et al., "Deep residual learning for image recognition", CVPR 2016, table 1.
    .. [2] Y. Xue et al., "Selective synthetic augmentation with quality assurance", arXiv 2019,
       section 4.2.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import ResNet
    >>> net = ResNet((3, 32, 32), n_classes=10)
    >>> net(torch.zeros(2, 3, 32, 32)).shape, len(net.feature_layers)
    (torch.Size([2, 10]), 16)
    """

    def __init__(
        self,
        shape: Sequence[int],
        n_classes: int,
        *,
        blocks: Sequence[int] = (3, 4, 6, 3),
        widths: Sequence[int] = (64, 128, 256, 512),
        dropout: float = 0.5,
    ):
        channels, height, width = shape
        stages = [
            _Block(n_in, n_out, stride=2 if first and stage else 1)
            for stage, (n_blocks, n_out) in enumerate(zip(blocks, widths, strict=True))
            for first, n_in in _inputs(n_blocks, n_out, widths[max(stage - 1, 0)])
        ]
        super().__init__(
            OrderedDict(
                stem=_make_stem(channels, widths[0], max(height, width) > _MAX_FULL_RESOLUTION),
                blocks=nn.Sequential(*stages[:-1]),
                dropout=nn.Dropout(dropout),
                last_block=stages[-1],
                head=nn.Sequential(
                    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], n_classes)
                ),
            )
        )
        self.feature_layers = [*(f"blocks.{i}" for i in range(len(stages) - 1)), "last_block"]


def _make_stem(n_in: int, n_out: int, is_large: bool) -> nn.Sequential:
    if not is_large:
        first = [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)]
    else:
        first = [nn.Conv2d(n_in, n_out, 7, stride=2, padding=3, bias=False)]
    pooling = [nn.MaxPool2d(3, stride=2, padding=1)] if is_large else []
    return nn.Sequential(*first, nn.BatchNorm2d(n_out), nn.ReLU(), *pooling)


def _inputs(n_blocks: int, width: int, width_before: int) -> list[tuple[bool, int]]:
    """Tell of each block of a stage whether it is the first, and its input channels."""
    return [(True, width_before), *[(False, width)] * (n_blocks - 1)]


class _Block(nn.Module):
    """The basic block of He et al., figure 2; where the shape changes, a 1x1 shortcut."""

    def __init__(self, n_in: int, n_out: int, *, stride: int):
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or n_in != n_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False), nn.BatchNorm2d(n_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        return (self.residual(x) + self.shortcut(x)).relu()


class DropoutMLP(nn.Sequential):
    """Three hidden layers with dropout before the last, for tables.

    What :class:`~skgal.resampling.SelectiveAugmentation` looks at tables with, in several
    passes.

    Parameters
    ----------
    n_features, n_classes : int
        The numbers of columns and of classes.
    width : int, default=64
        Units of each hidden layer.
    dropout : float, default=0.5
        Probability that a value is set to zero.

    Attributes
    ----------
    feature_layers : list of str
        Names of the hidden activations.

    See Also
    --------
    ResNet : For images.
    make_dropout_classifier : Chooses between the two.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import DropoutMLP
    >>> net = DropoutMLP(5, 3, width=16)
    >>> net(torch.zeros(4, 5)).shape, len(net.feature_layers)
    (torch.Size([4, 3]), 3)
    """

    def __init__(self, n_features: int, n_classes: int, *, width: int = 64, dropout: float = 0.5):
        super().__init__(
            nn.Linear(n_features, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, n_classes),
        )
        self.feature_layers = ["1", "3", "6"]


def make_dropout_classifier(shape: Sequence[int], n_classes: int) -> nn.Module:
    """Build a classifier with dropout that suits a shape of sample.

    For scores that need several passes, where the user brings no classifier.

    Parameters
    ----------
    shape : tuple of int
        (n_features,) or (channels, height, width).
    n_classes : int
        The number of classes.

    Returns
    -------
    ResNet or DropoutMLP
        ResNet-34 for images with sides of 32 pixels and more, three blocks for smaller ones, a
        dense network for tables.

    See Also
    --------
    make_classifier : Without dropout.
    skgal.classifiers.dropout_scores : Needs dropout.

    Examples
    --------
    >>> from skgal.nn import make_dropout_classifier
    >>> len(make_dropout_classifier((1, 28, 28), 10).feature_layers)
    3
    """
    shape = check_shape(shape)
    if len(shape) == 1:
        return DropoutMLP(*shape, n_classes)
    if min(shape[1:]) >= _LARGE_SIDE:
        return ResNet(shape, n_classes)
    return ResNet(shape, n_classes, blocks=(1, 1, 1), widths=(16, 32, 64))


class LossPrediction(nn.Module):
    """The loss prediction module: one value a sample from the outputs of several layers.

    Each output is averaged over its positions (height and width, for images) and passes through
    a linear layer and ReLU of its own; one more linear layer makes the loss of all. How wide
    the outputs are shows in the first batch.

    Parameters
    ----------
    n_outputs : int
        How many outputs there will be.
    width : int, default=128
        Units that each output is mapped to.

    See Also
    --------
    skgal.classifiers.LossPredictionClassifier : Trains it.
    skgal.objectives.pairwise_ranking_loss : Its loss.

    References
    ----------
    D. Yoo and I. S. Kweon, "Learning Loss for Active Learning", CVPR 2019, section 3.2 and
    figure 2.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import LossPrediction
    >>> head = LossPrediction(2)
    >>> head([torch.zeros(5, 16, 14, 14), torch.zeros(5, 64)]).shape
    torch.Size([5])
    """

    def __init__(self, n_outputs, width=128):
        super().__init__()
        with warnings.catch_warnings():
            # Each lazy layer warns that the module is experimental.
            warnings.filterwarnings("ignore", message="Lazy modules")
            self.branches = nn.ModuleList(nn.LazyLinear(width) for _ in range(n_outputs))
        self.head = nn.Linear(n_outputs * width, 1)

    def forward(self, outputs):
        """Return the predicted losses, shape (n,), from tensors of shape (n, width, ...)."""
        if len(outputs) != len(self.branches):
            raise ValueError(
                f"LossPrediction was made for the outputs of {len(self.branches)} layers; "
                f"got {len(outputs)}."
            )
        hidden = [
            branch(output.flatten(2).mean(2) if output.ndim > 2 else output).relu()
            for branch, output in zip(self.branches, outputs, strict=True)
        ]
        return self.head(torch.cat(hidden, dim=1)).squeeze(1)
