"""A generator whose samples lie in the convex hull of the training samples of their class."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from skgal.nn._architecture import ClassInput, one_hot

# How near to 0 and 1 a share may be before it is turned into a normal number.
_LEAST_SHARE = 1e-9
# In units of the spacing of the codes. With 1, samples are means of so many anchors that they
# crowd in the middle of their class; with 4, mostly of one or two.
_SHARPNESS = 4.0


class HullGenerator(nn.Module):
    r"""Weigh neighbouring anchors, training samples of a class: their mean is a new sample.

    .. math:: G(z, k) = \sum_{j \in N(q)} w_j x_j, \qquad w = \operatorname{softmax}_j
        \left(-\tfrac{\beta_k}{2} \lVert q - c_j \rVert^2 \right), \qquad
        q(z, k) = c_a + s_k z' + s_k \operatorname{short}(f(z', k, c_a) / s_k)

    The first coordinate of the latent :math:`z` chooses an anchor :math:`a` of class :math:`k`,
    each with the same probability; :math:`z'` is the latent with a fresh normal number in its
    place, made of what the choice left over. The sum runs over :math:`N(q)`, the anchors of the
    class nearest to the query :math:`q`. Near is what has similar codes :math:`c_j`, which are
    given (an autoencoder's, say), and whose spacing in the class is :math:`s_k`. The network
    :math:`f`, at first 0, and the sharpness :math:`\beta_k`, at first :math:`4 s_k^{-2}`, are
    learnt: samples are spread like the anchors, until the game moves them, and never by more than
    the spacing, for :math:`\operatorname{short}(v) = v \tanh(\lVert v \rVert) / \lVert v \rVert`.
    Without that bound the longer a classifier pulls, the more samples gather around the few anchors
    that lie among other classes, and the critic doesn't hold them back.

    Parameters
    ----------
    latent_dim : int
        The width of the latents and of the codes.
    shape : tuple of int
        The shape of one sample.
    n_anchors : sequence of int
        How many anchors each class has, at least 1.
    n_neighbors : int or None, default=None
        How many anchors a mean is taken of at most. None: all of the class.
    groups : sequence of int or None, default=None
        Which features of a table belong together: 1 for a number, k for one of k categories. Of the
        latter the one of most weight comes out, and gradients pass as if it were the mean.
    flags : sequence of int, default=()
        Which of the groups are two categories, (there, missing), of the number before, which is 0
        where it is missing. Its mean is that of the anchors where it is there, if these have most
        of the weight, and else it is missing.
    hidden : int, default=64
        The width of the hidden layer of the network.

    See Also
    --------
    mix : The means.
    skgal.generators.PolarityGAN : Trains it.

    References
    ----------
    K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty sampling
    approach", arXiv 2020, equation (3). The paper leaves open how noise and samples are combined in
    the "pseudo space"; here it is the space of the codes.

    Examples
    --------
    >>> import torch
    >>> generator = HullGenerator(2, (5,), n_anchors=[3, 1])
    >>> generator.set_anchors(torch.ones(4, 5), torch.zeros(4, 2))
    >>> generator(torch.zeros(7, 2), torch.zeros(7, dtype=torch.int64)).shape
    torch.Size([7, 5])
    """

    def __init__(
        self,
        latent_dim: int,
        shape: Sequence[int],
        n_anchors: Sequence[int],
        *,
        n_neighbors: int | None = None,
        groups: Sequence[int] | None = None,
        flags: Sequence[int] = (),
        hidden: int = 64,
    ):
        super().__init__()
        n_classes, n_all = len(n_anchors), sum(n_anchors)
        self.groups = None if groups is None else tuple(groups)
        self.flags = frozenset(flags)
        self.n_neighbors = min(n_all if n_neighbors is None else n_neighbors, max(n_anchors))
        self.register_buffer("anchors", torch.zeros(n_all, *shape))
        self.register_buffer("codes", torch.zeros(n_all, latent_dim))
        self.register_buffer("spacing", torch.ones(n_classes))
        counts = torch.as_tensor(n_anchors)
        self.register_buffer("counts", counts, persistent=False)
        self.register_buffer("first", counts.cumsum(0) - counts, persistent=False)
        classes = torch.arange(n_classes).repeat_interleave(counts, output_size=n_all)
        self.register_buffer("classes", classes, persistent=False)
        self.log_sharpness = nn.Parameter(torch.zeros(n_classes))
        last = nn.Linear(hidden, latent_dim)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        network = nn.Sequential(nn.Linear(2 * latent_dim + n_classes, hidden), nn.ReLU(), last)
        self.network = ClassInput(network, n_classes)

    @torch.no_grad()
    def set_anchors(self, anchors: Tensor, codes: Tensor) -> None:
        """Set the anchors, and all that the first queries depend on.

        Parameters
        ----------
        anchors : torch.Tensor of shape (n, *shape)
            Training samples, those of the first class first.
        codes : torch.Tensor of shape (n, latent_dim)
            Their codes.
        """
        self.anchors.copy_(anchors)
        self.codes.copy_(codes)
        for label, own in enumerate(self.codes.split(self.counts.tolist())):
            self.spacing[label] = _spacing(own)
        self.log_sharpness.copy_(log(_SHARPNESS) - 2 * self.spacing.log())

    def weights(self, z: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the anchors that samples are means of, and the weight of each.

        Parameters
        ----------
        z : torch.Tensor of shape (n, latent_dim)
            Latents.
        labels : torch.Tensor of shape (n,), dtype int64
            The class of each sample.

        Returns
        -------
        weights : torch.Tensor of shape (n, n_neighbors)
            Not negative, of sum 1 in each row.
        members : torch.Tensor of the same shape, dtype int64
            The anchors. Where the class has fewer, those of other classes have weight 0.
        """
        chosen, z = self._choose_anchors(z, labels)
        start = self.codes[chosen]
        spacing = self.spacing[labels].unsqueeze(1)
        shift = _shorten(self.network(torch.cat([z, start], dim=1), labels), spacing)
        query = start + spacing * z + shift
        # Half the squared distance, but for the part that all anchors share.
        nearness = query @ self.codes.T - self.codes.square().sum(1) / 2
        logits = self.log_sharpness[labels].exp().unsqueeze(1) * nearness
        is_other = labels.unsqueeze(1) != self.classes
        nearest, members = logits.masked_fill(is_other, -torch.inf).topk(self.n_neighbors, dim=1)
        return nearest.softmax(1), members

    def _choose_anchors(self, z: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Choose an anchor by the first coordinate, which its remainder then replaces."""
        counts = self.counts[labels]
        position = torch.special.ndtr(z[:, 0].double()) * counts
        step = position.long().minimum(counts - 1)
        left = (position - step).clamp(_LEAST_SHARE, 1 - _LEAST_SHARE)
        fresh = torch.special.ndtri(left).to(z.dtype)
        return self.first[labels] + step, torch.cat([fresh.unsqueeze(1), z[:, 1:]], dim=1)

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
        torch.Tensor of shape (n, *shape)
            Weighted means of the anchors of each class.
        """
        samples = mix(*self.weights(z, labels), self.anchors)
        if self.groups is None:
            return samples
        return _choose_categories(samples, self.groups, self.flags)


def mix(weights: Tensor, members: Tensor, anchors: Tensor) -> Tensor:
    """Return weighted means of anchors.

    Every new sample lies in the convex hull of its anchors, as the weights are at least 0 and
    sum to 1.

    Parameters
    ----------
    weights : torch.Tensor of shape (n, n_members)
        Of sum 1 in each row.
    members : torch.Tensor of shape (n, n_members), dtype int64
        The anchors that the weights belong to.
    anchors : torch.Tensor of shape (n_anchors, ...)
        Samples, or features of them.

    Returns
    -------
    torch.Tensor of shape (n, ...)
        One mean for each row of weights.

    See Also
    --------
    HullGenerator : Learns the weights.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import mix
    >>> anchors = torch.tensor([[0.0, 0.0], [4.0, 8.0]])
    >>> mix(torch.tensor([[0.25, 0.75]]), torch.tensor([[0, 1]]), anchors)
    tensor([[3., 6.]])
    """
    # Sums without making a copy of the anchors for each sample.
    means = embedding_bag(members, anchors.flatten(1), per_sample_weights=weights, mode="sum")
    return means.unflatten(1, anchors.shape[1:])


def _shorten(shift: Tensor, most: Tensor) -> Tensor:
    """Shorten rows to less than a length, those far below it by next to nothing."""
    length = shift.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return shift * (most * torch.tanh(length / most) / length)


def _spacing(codes: Tensor) -> Tensor:
    """Return the root mean square of the distance of a code to the next; 1 if there is none."""
    # By differences, so that equal codes have no distance; matrix products leave some rounding.
    distances = torch.cdist(codes, codes, compute_mode="donot_use_mm_for_euclid_dist")
    distances = distances.fill_diagonal_(torch.inf)
    nearest = distances.amin(1).square()
    spacing = nearest[nearest.isfinite()].sum().div(len(codes)).sqrt()
    return spacing if spacing > 0 else torch.ones_like(spacing)


def _choose_categories(rows: Tensor, groups: Sequence[int], flags: frozenset[int]) -> Tensor:
    """Replace the shares of categories by the largest one, with the shares' gradient."""
    parts = []
    for position, part in enumerate(rows.split(groups, dim=1)):
        if part.shape[1] > 1:
            chosen = one_hot(part.argmax(1), part.shape[1])
            if position in flags:
                parts[-1] = _mean_of_known(parts[-1], part[:, :1], chosen[:, :1])
            part = part + (chosen - part).detach()
        parts.append(part)
    return torch.cat(parts, dim=1)


def _mean_of_known(number: Tensor, share: Tensor, is_there: Tensor) -> Tensor:
    """Make the mean of the numbers that are there of one where missing ones count as 0."""
    # Clamped for its gradient where the number is missing: elsewhere it is a half or more.
    return is_there * number / share.clamp_min(0.25)
