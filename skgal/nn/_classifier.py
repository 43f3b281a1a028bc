"""A small convolutional classifier for small images and few labels."""

from torch import nn

from skgal.nn._architecture import LEAK, Architecture


class ConvClassifier(nn.Module):
    """The classifier of AISEL: three convolutions, two hidden layers, logits.

    Each convolution halves the image (stride 2, which the paper leaves open) and is followed
    by batch normalisation and leaky ReLU; each hidden layer by batch normalisation and ReLU.
    Pixels may come as uint8; ``scale`` and ``shift`` bring them to about [-1, 1].

    Parameters
    ----------
    image_shape : tuple of int (channels, height, width)
    n_classes : int
    widths : tuple of int, default=(32, 64, 64)
        Channels of the convolutions.
    hidden : tuple of int, default=(512, 64)
        Units of the hidden layers.
    value_range : tuple of float, default=(0.0, 255.0)
        What the darkest and the brightest pixel are.

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
    classifier : torch.nn.Sequential
        The hidden layers and the last one; maps (n, *shape) to (n, n_classes), not bounded.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Dense, make_classifier
    >>> make_classifier(Dense(), (4,), 3)(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """
    critic = architecture.make_critic(shape)
    return nn.Sequential(critic.body, nn.Linear(critic.n_features, n_classes))
