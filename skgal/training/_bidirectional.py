"""The adversarial game with an encoder: pairs of a sample and a latent."""

import torch
from torch import nn

from skgal.nn import pairs, set_rng
from skgal.training._adversarial import AdversarialNet


class BidirectionalNet(AdversarialNet):
    """A generator and an encoder against a critic that sees a sample and a latent at once.

    Real pairs are a sample and its code, generated ones a sample and the latent it was made
    from. Generator and encoder make one step together, each to have its pairs taken for the
    other's. Where the critic can't tell them apart, the encoder inverts the generator.

    Parameters
    ----------
    module, encoder, critic : callables
        Make the generator, the encoder and the critic, a :class:`skgal.nn.JointCritic`; called
        without arguments.
    **kwargs
        Parameters of :class:`AdversarialNet`.

    Attributes
    ----------
    encoder_ : torch.nn.Module

    References
    ----------
    .. [1] J. Donahue, P. Krähenbühl, T. Darrell, "Adversarial feature learning", ICLR 2017,
       equation (3) and section 3.4 (the inverse objective); AISEL, section 5.1.2.
    """

    def __init__(self, module, *, encoder, **kwargs):
        self.encoder = encoder
        super().__init__(module, **kwargs)

    def initialize_module(self):
        """Make generator, critic, averaged generator and encoder."""
        super().initialize_module()
        self.encoder_ = self.encoder()
        return self

    def initialize_optimizer(self, triggered_directly=None):
        """Make an optimizer for generator and encoder, and one for the critic."""
        self.optimizer_ = self.make_optimizer(self.players)
        self.critic_optimizer_ = self.make_optimizer(self.critic_)
        return self

    @property
    def players(self):
        """Generator and encoder, who play against the critic, as one network."""
        return nn.ModuleList([self.module_, self.encoder_])

    def start(self, data, labels=None):
        """Prepare the batches of real samples."""
        super().start(data, labels)
        self.encoder_.train()
        set_rng(self.encoder_, self.rng_)

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Play the game, then leave the encoder ready for use."""
        super().fit_loop(X, y)
        self.encoder_.eval()
        return self

    def critic_step(self, real):
        """Update the critic on a batch of real samples; return its loss."""
        latent = self.draw_latent()
        with torch.no_grad():
            real = self.augment(real)
            coded = pairs(real, self.run(self.encoder_, real))
            made = pairs(self.augment(self.run(self.module_, latent)), latent)
        return self.update_critic(self.critic_loss(coded, made))

    def generator_step(self):
        """Update generator and encoder; return their loss."""
        latent, real = self.draw_latent(), self.augment(self.batches_.next())
        made = pairs(self.augment(self.run(self.module_, latent)), latent)
        coded = pairs(real, self.run(self.encoder_, real))
        # The critic's own loss with the roles swapped, the "inverse objective" of [1].
        logits = [self.run(self.critic_, each) for each in (made, coded)]
        loss = self.objective.critic_loss(*logits)
        self.apply_gradients(self.players, self.optimizer_, loss)
        return loss.detach()
