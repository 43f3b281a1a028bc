"""Learning the inverse of a trained generator from pairs it generates itself."""

import torch
from torch.nn.functional import mse_loss

from skgal.training._latent import draw_latent
from skgal.training._update_net import UpdateNet


class InversionNet(UpdateNet):
    """An encoder fitted by mean squared error on generated pairs (G(u), u).

    Generated pairs are free, so every update sees new ones and nothing can be learnt by heart.
    The learning rate rises and falls in one cycle.

    Parameters
    ----------
    module : callable
        Makes the encoder; called without arguments.
    latent_dim : int
    latent : {"uniform", "normal"}, default="uniform"
    batch_size : int, default=64
    **kwargs
        Parameters of :class:`UpdateNet`.

    References
    ----------
    .. [1] AISEL, equation (5) and the second half of Algorithm 1.
    """

    stateful = ("schedule_",)

    def __init__(self, module, *, latent_dim, latent="uniform", batch_size=64, **kwargs):
        self.latent_dim = latent_dim
        self.latent = latent
        super().__init__(module, batch_size=batch_size, **kwargs)

    def invert(self, generator):
        """Fit the encoder.

        Parameters
        ----------
        generator : torch.nn.Module
            In evaluation mode, on the net's device.

        Returns
        -------
        self
        """
        self.target_generator_ = (generator,)  # a tuple: not one of skorch's own modules
        self.fit(torch.empty(0))
        del self.target_generator_
        return self

    def initialize_module(self):
        """Make the encoder."""
        self.module_ = self.module()
        return self

    def initialize_optimizer(self, triggered_directly=None):
        """Make the optimizer."""
        self.optimizer_ = self.make_optimizer(self.module_)
        return self

    def start(self, data, labels=None):
        """Prepare the cycle of the learning rate; the data are generated on the way."""
        self.module_.train()
        self.schedule_ = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer_, max_lr=self.lr, total_steps=self.max_iter, cycle_momentum=False
        )

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Fit, then leave the encoder ready for use."""
        super().fit_loop(X, y)
        self.schedule_ = None
        self.module_.eval()
        return self

    def train_step(self):
        """Update the encoder on a batch of generated pairs."""
        (generator,) = self.target_generator_
        with torch.no_grad():
            latent = draw_latent(self.latent, self.batch_size, self.latent_dim, self.rng_)
            samples = self.run(generator, latent)
        loss = mse_loss(self.run(self.module_, samples), latent)
        self.apply_gradients(self.module_, self.optimizer_, loss)
        self.schedule_.step()
        return {"encoder_loss": loss.detach()}
