"""The game of BAGAN: a softmax over the classes and one more for generated samples."""

import torch

from skgal.nn import copy_weights
from skgal.training._auxiliary import AuxiliaryNet


class BalancingNet(AuxiliaryNet):
    r"""A generator of latents by class against a critic with a class "generated".

    Generated samples are of all classes alike, however rare. With the objective
    ``"nonsaturating"`` and weight 1 critic and generator minimise the cross-entropy of the
    softmax over all n_classes + 1: the critic for real samples of class k and for generated ones of
    "generated", the generator for generated ones of the class they were asked for.

    Parameters
    ----------
    module, critic : callables
        Make the generator, a :class:`skgal.nn.ClassLatents`, and the critic, a
        :class:`skgal.nn.FakeClassCritic`; called without arguments.
    **kwargs
        Parameters of :class:`AuxiliaryNet`.

    References
    ----------
    .. [1] G. Mariani et al., "BAGAN: data augmentation with balancing GAN", 2018, section 4.
       There generated samples are one in n_classes + 1 of the critic's batch, as if they were a
       class like any; here they are half, as in every other game of this room.
    """

    @property
    def constrained_critic(self):
        """The critic but for its last layer, which has to tell the classes apart as well."""
        return self.critic_.body

    def start_from(self, autoencoder, means, factors):
        """Start from an autoencoder, and from the distributions of its codes.

        Parameters
        ----------
        autoencoder : ReconstructionNet
            Its encoder is the critic's body and one layer more, its decoder the generator.
        means : ndarray of shape (n_classes, latent_dim)
        factors : ndarray of shape (n_classes, latent_dim, latent_dim)
        """
        for generator in (self.module_, self.ema_):
            generator.generator.load_state_dict(autoencoder.decoder_.state_dict())
            generator.place(torch.as_tensor(means), torch.as_tensor(factors))
        copy_weights(autoencoder.module_[0], self.critic_.body)

    def draw_game_inputs(self, n_samples):
        """Draw latent points and classes, each class as often."""
        latent = self.draw_latent(n_samples)
        size, n_classes = (n_samples,), len(self.module_.means)
        return latent, torch.randint(n_classes, size, generator=self.rng_, device=latent.device)
