"""The bidirectional GAN: an encoder trained in the same game as the generator."""

from functools import partial

from skgal.generators._adversarial import AdversarialGenerator, EncodingMixin
from skgal.nn import JointCritic, join
from skgal.training import BidirectionalGame


class BiGAN(EncodingMixin, AdversarialGenerator):
    """Bidirectional GAN: generator and encoder against one critic.

    The critic sees a sample and a latent at once: a real sample with its code, or a generated
    one with the latent it was made from. Where it can't tell them apart the encoder inverts the
    generator [1]_. With few samples it seldom gets that far, and :class:`GIN`, whose encoder learns
    by reconstruction, restores samples better [2]_.

    Parameters
    ----------
    latent_dim : int, default=8
        Width r of the latent space, the cube [-1, 1]^r.

    Attributes
    ----------
    net_ : skgal.training.GameNet
        The trained networks: ``net_.trained_.generator``, ``net_.trained_.encoder`` and
        ``net_.trained_.critic``.
    latent_distribution_ : frozen distribution of scipy.stats
        Uniform on [-1, 1], of each latent coordinate.

    See Also
    --------
    GIN : An encoder trained by reconstruction.

    References
    ----------
    .. [1] J. Donahue, P. Krähenbühl, T. Darrell, "Adversarial feature learning", ICLR 2017.
    .. [2] J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43,
       2021, section 5.1.2; ``benchmarks/results/reconstruction.json``.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skgal.generators import BiGAN
    >>> X = load_digits().data[:100]
    >>> bigan = BiGAN(latent_dim=2, max_iter=5, random_state=0).fit(X)
    >>> Z = bigan.transform(X)
    >>> bigan.inverse_transform(Z).shape
    (100, 64)
    """

    def make_game(self, architecture):
        """Return the game whose critic sees samples and latents joined."""
        shape = self.layout_.shape
        return BidirectionalGame, self.game_arguments(architecture) | {
            "encoder": partial(architecture.make_encoder, self.latent_dim, shape),
            "critic": partial(_make_critic, architecture, shape, self.latent_dim),
        }

    def score_samples(self, X):
        """Rate how real samples look to the critic, each with its code."""
        tensor, critic = self._to_network(X), self._game.critic
        return self._apply(lambda x, z: critic(join(x, z)), tensor, self._encode(tensor))

    def _encode(self, tensor):
        return self._apply(self._game.encoder, tensor)


def _make_critic(architecture, shape, latent_dim):
    return JointCritic(architecture.make_critic(shape), shape, latent_dim)
