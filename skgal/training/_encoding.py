"""Games of one turn: an autoencoder, and an encoder that inverts a trained generator."""

import torch
from torch.nn.functional import mse_loss

from skgal.training._game import Game, TrainingData, draw_latent


class ReconstructionGame(Game):
    r"""An encoder and a decoder, fitted together by the mean squared error of reconstruction.

    .. math:: \min_{E, D} \mathbb{E} \lVert D(E(x)) - x \rVert^2

    Parameters
    ----------
    encoder, decoder : callables
        Make the networks; called without arguments.

    References
    ----------
    C. Mayer, R. Timofte, "Adversarial sampling for active learning" (ASAL), WACV 2020, section 3.2.
    """

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = encoder()
        self.decoder = decoder()

    def parts(self):
        """Return the one turn, which trains both networks."""
        return {"reconstruction": self}

    def reconstruction_batch(self, data, previous):
        """Return samples."""
        return data.batch(real=data.next()[0])

    def reconstruction_loss(self, batch):
        """Return the mean squared error of what is restored."""
        codes = self.run(self.encoder, batch.real)
        return mse_loss(self.run(self.decoder, codes), batch.real)

    def forward(self, samples):
        """Return what is restored of samples."""
        return self.decoder(self.encoder(samples))


class InversionGame(Game):
    r"""An encoder fitted by mean squared error on generated pairs (G(u), u).

    .. math:: \min_E \mathbb{E} \lVert E(G(u)) - u \rVert^2

    The training's ``X`` is the generator, on its device and in evaluation mode. Generated pairs
    are free, so every update sees new ones and nothing can be learnt by heart.

    Parameters
    ----------
    encoder : callable
        Makes the encoder; called without arguments.
    latent_dim : int
    latent : {"uniform", "normal"}, default="uniform"

    References
    ----------
    J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43, 2021,
    equation (5) and the second half of Algorithm 1.
    """

    def __init__(self, encoder, *, latent_dim, latent="uniform"):
        super().__init__()
        self.encoder = encoder()
        self.latent_dim = latent_dim
        self.latent = latent

    def parts(self):
        """Return the one turn."""
        return {"encoder": self.encoder}

    def make_data(self, X, y, *, batch_size, rng, device):
        """Return what the batches are drawn from: a generator."""
        return GeneratedData(X, batch_size, rng)

    def encoder_batch(self, data, previous):
        """Return latent points and the samples generated from them."""
        latent = draw_latent(self.latent, data.batch_size, self.latent_dim, data.rng)
        with torch.no_grad():
            return data.batch(fake=self.run(data.generator, latent), latent=latent)

    def encoder_loss(self, batch):
        """Return the mean squared error of the codes."""
        return mse_loss(self.run(self.encoder, batch.fake), batch.latent)

    def forward(self, samples):
        """Return the codes of samples."""
        return self.encoder(samples)


class GeneratedData(TrainingData):
    """What a generator makes, in place of samples.

    Parameters
    ----------
    generator : torch.nn.Module
    batch_size : int
    rng : torch.Generator
        On the generator's device.
    """

    def __init__(self, generator, batch_size, rng):
        super().__init__(torch.empty(batch_size, device=rng.device), None, batch_size, rng)
        self.generator = generator
