"""A generator whose samples lie in the convex hull of the training samples of their class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skgal.nn._one_hot import ClassInput, one_hot


class HullGenerator(nn.Module):
    r"""Weigh the anchors, training samples of a class, so that their mean is a new sample.

    .. math:: G(z, k) = \sum_j w_j x_j, \qquad w = \operatorname{softmax}_j
        \left(-\tfrac{\beta_k}{2} \lVert q(z, k) - c_j \rVert^2 \right), \qquad
        q(z, k) = L_k (z + f(z, k))

    The sum runs over the anchors :math:`x_j` of class :math:`k`. Their codes :math:`c_j`, relative
    to the class's mean code, are given (an autoencoder's, say), as is the factor :math:`L_k` of the
    codes' covariance; the network :math:`f` and the sharpness :math:`\beta_k` are learnt. At first
    :math:`f` is 0: the queries :math:`q` are spread like the codes, and each sample is a mean
    of anchors whose codes are near each other.

    Parameters
    ----------
    latent_dim : int
        The width of the latents and of the codes.
    shape : tuple of int
        The shape of one sample.
    n_anchors : sequence of int
        How many anchors each class has, at least 1.
    groups : sequence of int or None, default=None
        Which features of a table belong together: 1 for a number, k for one of k categories. Of the
        latter the one of most weight comes out, and gradients pass as if it were the mean.
    hidden : int, default=64
        The width of the hidden layer of the network.

    References
    ----------
    K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN", 2020, equation (3). The
    paper leaves open how noise and samples are combined in the "pseudo space"; here it is the
    space of the codes.

    Examples
    --------
    >>> import torch
    >>> generator = HullGenerator(2, (5,), n_anchors=[3, 1])
    >>> generator.place(torch.ones(4, 5), torch.zeros(4, 2), torch.eye(2).expand(2, 2, 2))
    >>> generator(torch.zeros(7, 2), torch.zeros(7, dtype=torch.int64)).shape
    torch.Size([7, 5])
    """

    def __init__(
        self,
        latent_dim: int,
        shape: Sequence[int],
        n_anchors: Sequence[int],
        *,
        groups: Sequence[int] | None = None,
        hidden: int = 64,
    ):
        super().__init__()
        n_classes, n_all = len(n_anchors), sum(n_anchors)
        self.groups = None if groups is None else tuple(groups)
        self.register_buffer("anchors", torch.zeros(n_all, *shape))
        self.register_buffer("codes", torch.zeros(n_all, latent_dim))
        self.register_buffer("factors", torch.zeros(n_classes, latent_dim, latent_dim))
        classes = torch.arange(n_classes).repeat_interleave(torch.as_tensor(n_anchors))
        self.register_buffer("classes", classes, persistent=False)
        self.log_sharpness = nn.Parameter(torch.zeros(n_classes))
        last = nn.Linear(hidden, latent_dim)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        network = nn.Sequential(nn.Linear(latent_dim + n_classes, hidden), nn.ReLU(), last)
        self.network = ClassInput(network, n_classes)

    @torch.no_grad()
    def place(self, anchors: Tensor, codes: Tensor, factors: Tensor) -> None:
        """Set the anchors, and all that the first queries depend on.

        Parameters
        ----------
        anchors : torch.Tensor of shape (n, *shape)
            Training samples, those of the first class first.
        codes : torch.Tensor of shape (n, latent_dim)
            Their codes, minus the mean code of their class.
        factors : torch.Tensor of shape (n_classes, latent_dim, latent_dim)
            Cholesky factors of the covariance of each class's codes.
        """
        self.anchors.copy_(anchors)
        self.codes.copy_(codes)
        self.factors.copy_(factors)
        for label, log_sharpness in enumerate(self.log_sharpness):
            own = self.codes[self.classes == label]
            log_sharpness.copy_(-_squared_spacing(own).log())

    def weights(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return the weights of all anchors; those of other classes are 0.

        Parameters
        ----------
        z : torch.Tensor of shape (n, latent_dim)
            Latents.
        labels : torch.Tensor of shape (n,), dtype int64
            The class of each sample.

        Returns
        -------
        weights : torch.Tensor of shape (n, n_anchors)
            Not negative, of sum 1 in each row.
        """
        whitened = z + self.network(z, labels)
        query = (self.factors[labels] @ whitened.unsqueeze(2)).squeeze(2)
        # Half the squared distance, but for the part that all anchors share.
        nearness = query @ self.codes.T - self.codes.square().sum(1) / 2
        logits = self.log_sharpness[labels].exp().unsqueeze(1) * nearness
        is_other = labels.unsqueeze(1) != self.classes
        return logits.masked_fill(is_other, -torch.inf).softmax(1)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return samples of the given classes.

        Parameters
        ----------
        z : torch.Tensor of shape (n, latent_dim)
            Latents.
        labels : torch.Tensor of shape (n,), dtype int64
            The class of each sample.

        Returns
        -------
        samples : torch.Tensor of shape (n, *shape)
        """
        samples = mix(self.weights(z, labels), self.anchors)
        return samples if self.groups is None else _choose_categories(samples, self.groups)


def mix(weights: Tensor, anchors: Tensor) -> Tensor:
    """Return weighted means of anchors.

    Parameters
    ----------
    weights : torch.Tensor of shape (n, n_anchors)
        Of sum 1 in each row.
    anchors : torch.Tensor of shape (n_anchors, ...)
        Samples, or features of them.

    Returns
    -------
    means : torch.Tensor of shape (n, ...)
    """
    return (weights @ anchors.flatten(1)).unflatten(1, anchors.shape[1:])


def _squared_spacing(codes: Tensor) -> Tensor:
    """Return the mean squared distance of a code to the next; 1 if they are all the same."""
    distances = torch.cdist(codes, codes)
    distances.fill_diagonal_(torch.inf)
    nearest = distances.amin(1).square()
    spacing = nearest[nearest.isfinite()].sum() / len(codes)
    return spacing if spacing > 0 else torch.ones_like(spacing)


def _choose_categories(rows: Tensor, groups: Sequence[int]) -> Tensor:
    """Replace the shares of categories by the largest one, with the shares' gradient."""
    parts = []
    for part in rows.split(groups, dim=1):
        if part.shape[1] > 1:
            chosen = one_hot(part.argmax(1), part.shape[1])
            part = part + (chosen - part).detach()
        parts.append(part)
    return torch.cat(parts, dim=1)
