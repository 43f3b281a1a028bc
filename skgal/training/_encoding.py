"""Games with an encoder: an autoencoder, inversion after a training, inversion within it."""

import torch
from torch.nn.functional import mse_loss

from skgal.training._adversarial import EncoderGame
from skgal.training._loop import Game, Part, TrainingData, draw_latent

# Least standard deviation that a feature is measured in, of a range of 2.
_LEAST_SCALE = 0.1


class ReconstructionGame(Game):
    r"""An encoder and a decoder, fitted together by the mean squared error of reconstruction.

    .. math:: \min_{E, D} \mathbb{E} \lVert D(E(x)) - x \rVert^2

    Parameters
    ----------
    encoder, decoder : callables
        Make the networks; called without arguments.

    See Also
    --------
    skgal.generators.Autoencoder : The estimator.

    References
    ----------
    C. Mayer, R. Timofte, "Adversarial sampling for active learning" (ASAL), WACV 2020, section 3.2.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import Autoencoder
    >>> X = load_iris().data
    >>> game = Autoencoder(latent_dim=2, max_iter=5, random_state=0).fit(X).net_.trained_
    >>> type(game).__name__, game(torch.zeros(3, 4)).shape
    ('ReconstructionGame', torch.Size([3, 4]))
    """

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = encoder()
        self.decoder = decoder()

    def parts(self):
        """Return the one part, which trains both networks."""
        return {"reconstruction": Part(self, self.reconstruction_batch, self.reconstruction_loss)}

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
    are free: every update has new ones, so the encoder cannot overfit.

    Parameters
    ----------
    encoder : callable
        Makes the encoder; called without arguments.
    latent_dim : int
        Width of the latent space.
    latent : {"uniform", "normal"}, default="uniform"
        The distribution of each latent coordinate.

    See Also
    --------
    InvertibleGame : Together with the generator.
    skgal.generators.GIN : The estimator.

    References
    ----------
    J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43, 2021,
    equation (5) and the second half of Algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from skgal.training import GameNet, InversionGame
    >>> generator = torch.nn.Linear(2, 3).eval()
    >>> net = GameNet(
    ...     InversionGame,
    ...     module__encoder=lambda: torch.nn.Linear(3, 2),
    ...     module__latent_dim=2,
    ...     max_iter=5,
    ...     seed=0,
    ... )
    >>> net = net.fit(generator)
    >>> net.trained_.encoder(generator(torch.zeros(1, 2))).shape
    torch.Size([1, 2])
    """

    def __init__(self, encoder, *, latent_dim, latent="uniform"):
        super().__init__()
        self.encoder = encoder()
        self.latent_dim = latent_dim
        self.latent = latent

    def parts(self):
        """Return the one part."""
        return {"encoder": Part(self.encoder, self.encoder_batch, self.encoder_loss)}

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
    """A generator, on the device of ``rng``, in place of samples."""

    def __init__(self, generator, batch_size, rng):
        super().__init__(torch.empty(batch_size, device=rng.device), None, batch_size, rng)
        self.generator = generator


class InvertibleGame(Game):
    r"""A generator and an encoder that learn together, without a critic.

    .. math::

        \min_{G, E} \mathbb{E} \lVert G(E(x)) - x \rVert^2
            + \mathbb{E} \lVert E(G(u)) - u \rVert^2 + D(E(x), u) + D(G(u), x)

    where D is the energy distance of two batches and u is uniform on the latent cube: samples are
    restored, latent points too, codes fill the cube, and generated samples are distributed as the
    real ones. Features are measured in their standard deviations.

    Parameters
    ----------
    generator, encoder : callables
        Make the networks; called without arguments.
    latent_dim : int
        Width of the latent space.
    latent : {"uniform", "normal"}, default="uniform"
        The distribution of each latent coordinate.

    See Also
    --------
    InvertibleAdversarialGame : Against a critic.
    skgal.generators.GIN : The estimator.

    References
    ----------
    G. Székely, M. Rizzo, "Energy statistics", Journal of Statistical Planning and Inference 143,
    2013, equation (5). I. Tolstikhin et al., "Wasserstein auto-encoders", ICLR 2018, equation (4),
    is the first and the third term, with another distance.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import GIN
    >>> X = load_iris().data
    >>> game = GIN(latent_dim=2, max_iter=5, random_state=0).fit(X).net_.trained_
    >>> type(game).__name__, sorted(name for name, _ in game.named_children())
    ('InvertibleGame', ['encoder', 'generator'])
    """

    averaged = ("generator", "encoder")

    def __init__(self, generator, encoder, *, latent_dim, latent="uniform"):
        super().__init__()
        self.generator = generator()
        self.encoder = encoder()
        self.latent_dim = latent_dim
        self.latent = latent

    def parts(self):
        """Return the one part, which trains both networks."""
        return {"inversion": Part(self, self.inversion_batch, self.inversion_loss)}

    def inversion_batch(self, data, previous):
        """Return real samples, and generated ones with their latent points."""
        latent = draw_latent(self.latent, data.batch_size, self.latent_dim, data.rng)
        real, _ = data.next()
        return data.batch(real=real, fake=self.run(self.generator, latent), latent=latent)

    def inversion_loss(self, batch):
        """Return the sum of both errors of restoration and both energy distances."""
        scale = _scale(batch.real)
        matched = energy_distance_of_batches(batch.fake / scale, batch.real / scale)
        return matched + inversion_terms(self, batch.real, batch.fake, batch.latent)

    def draw_inputs(self, data, n_samples=None, network="generator"):
        """Draw latent points for the generator, samples for the encoder."""
        return _inputs_with_encoder(self, data, n_samples, network)

    def forward(self, latent):
        """Return generated samples, as networks see them, of latent points."""
        return self.generator(latent)


class InvertibleAdversarialGame(EncoderGame):
    r"""A generator and an encoder that learn together, against a critic.

    The generator's turn, which trains the encoder too, minimises the generator's loss of
    :class:`AdversarialGame` and the terms of :class:`InvertibleGame` but the last, in whose place
    the critic is.

    Parameters
    ----------
    generator, critic, encoder : callables
        Make the networks; called without arguments.
    **kwargs
        Parameters of :class:`AdversarialGame`.

    See Also
    --------
    InvertibleGame : Without a critic.
    skgal.generators.GIN : The estimator.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import GIN
    >>> X = load_iris().data
    >>> gin = GIN(latent_dim=2, inversion="joint", objective="hinge", max_iter=5, random_state=0)
    >>> game = gin.fit(X).net_.trained_
    >>> type(game).__name__, sorted(name for name, _ in game.named_children())
    ('InvertibleAdversarialGame', ['critic', 'encoder', 'generator'])
    """

    def generator_batch(self, data, previous):
        """Return real samples, and generated ones with their latent points, not augmented."""
        latent = self.draw_latent(data)
        real, _ = data.next()
        return data.batch(real=real, fake=self.generate(latent), latent=latent)

    def generator_loss(self, batch):
        """Return the adversarial loss on augmented samples, and the terms of the inversion."""
        fake, real = (self.augment(samples, batch.rng) for samples in (batch.fake, batch.real))
        adversarial = self.adversarial_loss(self.critic, real, fake)
        return adversarial + inversion_terms(self, batch.real, batch.fake, batch.latent)

    def draw_inputs(self, data, n_samples=None, network="generator"):
        """Draw latent points for the generator, samples for the encoder."""
        return _inputs_with_encoder(self, data, n_samples, network)


def inversion_terms(game, real, fake, latent):
    """Return the error of restoring samples and latent points, plus how uneven codes are."""
    codes = game.run(game.encoder, real)
    error = (game.run(game.generator, codes) - real) / _scale(real)
    restored = game.run(game.encoder, fake)
    return (
        error.square().mean()
        + mse_loss(restored, latent)
        + energy_distance_of_batches(codes, latent)
    )


def energy_distance_of_batches(x, y):
    """Return the unbiased energy distance, 2 E|x - y| - E|x - x'| - E|y - y'|, of two batches."""
    x, y = x.flatten(1), y.flatten(1)
    return 2 * _distances(x, y).mean() - _mean_within(x) - _mean_within(y)


def _distances(x, y):
    """Return all distances of rows; their gradient is 0 where two rows are the same."""
    return (x[:, None] - y[None]).square().sum(-1).add(1e-8).sqrt()


def _mean_within(x):
    return _distances(x, x).sum() / (len(x) * (len(x) - 1))


def _scale(real):
    """Return the standard deviation of each feature of a batch, not too small to divide by."""
    return real.std(dim=0).clamp_min(_LEAST_SCALE)


def _inputs_with_encoder(game, data, n_samples, network):
    if network == "encoder":
        return (data.next()[0],)
    return (draw_latent(game.latent, n_samples or data.batch_size, game.latent_dim, data.rng),)
