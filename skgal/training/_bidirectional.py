"""The adversarial game with an encoder: the critic sees a sample and a latent at once."""

from torch import nn

from skgal.nn import join
from skgal.training._adversarial import AdversarialGame


class BidirectionalGame(AdversarialGame):
    r"""A generator and an encoder against a critic of a sample and a latent.

    .. math:: \min_{G, E} \max_D V(D(x, E(x)), D(G(z), z))

    Real is a sample with its code, generated one with the latent it was made from. Generator and
    encoder make one step together, with the critic's loss and the roles swapped (the "inverse
    objective"). Where the critic can't tell the two apart, the encoder inverts the generator.

    Parameters
    ----------
    generator, critic, encoder : callables
        Make the generator, the critic, a :class:`skgal.nn.JointCritic`, and the encoder; called
        without arguments.
    **kwargs
        Parameters of :class:`AdversarialGame`.

    References
    ----------
    J. Donahue, P. Krähenbühl, T. Darrell, "Adversarial feature learning", ICLR 2017, equation (3)
    and section 3.4.
    """

    def __init__(self, generator, critic, *, encoder, **kwargs):
        super().__init__(generator, critic, **kwargs)
        self.encoder = encoder()

    def parts(self):
        """Return what each turn trains; generator and encoder learn together."""
        return {
            "critic": self.critic,
            "generator": nn.ModuleList([self.generator, self.encoder]),
        }

    def make_batch(self, data, *, with_real):
        """Draw joined samples and latents; the generator's loss reads the real ones as well."""
        latent = self.draw_latent(data)
        real = self.augment(data.next()[0], data.rng)
        fake = self.augment(self.generate(latent), data.rng)
        return data.batch(
            real=join(real, self.run(self.encoder, real)), fake=join(fake, latent), latent=latent
        )

    def generator_loss(self, batch):
        """Return the loss of generator and encoder: the critic's, with the roles swapped."""
        logits = [self.run(self.critic, samples) for samples in (batch.fake, batch.real)]
        return self.objective.critic_loss(*logits)
