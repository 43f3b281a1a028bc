"""The adversarial game of a generator and a critic, and the one with an encoder."""

import torch
from torch import nn

from skgal.nn import join
from skgal.training._loop import Game, Part, draw_latent


class AdversarialGame(Game):
    r"""A generator against a critic.

    With :math:`f_D, f_G` the losses of the objective and :math:`P` the penalties, the critic
    minimises :math:`f_D(D(x), D(G(z))) + P(D)` and the generator :math:`f_G(D(G(z)), D(x))`, in
    turn: ``critic_iter`` steps of the critic, one of the generator.

    A game of another kind overrides the losses; one whose networks take more than samples, such as
    classes, overrides :meth:`generate` and :meth:`conditioned_critic`.

    Parameters
    ----------
    generator, critic : callables
        Make the networks; called without arguments.
    objective : skgal.objectives.Objective
        The losses of critic and generator.
    latent_dim : int
        Width of the latent space.
    latent : {"uniform", "normal"}, default="uniform"
        The distribution of each latent coordinate.
    penalties : sequence of skgal.objectives.Penalty, default=()
        What constrains the critic.
    augmentations : sequence of callables ``f(images, rng) -> images``, default=()
        Applied to what the critic sees, real and generated.
    critic_iter : int, default=1
        Steps of the critic for each of the generator.

    See Also
    --------
    ConditionalGame : With classes.
    skgal.generators.GAN : The estimator.

    References
    ----------
    I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014, Algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Dense
    >>> from skgal.objectives import Hinge
    >>> from skgal.training import AdversarialGame, GameNet
    >>> networks = Dense(hidden=(8,))
    >>> net = GameNet(
    ...     AdversarialGame,
    ...     module__generator=lambda: networks.make_generator(2, (3,)),
    ...     module__critic=lambda: networks.make_critic((3,)),
    ...     module__objective=Hinge(),
    ...     module__latent_dim=2,
    ...     max_iter=10,
    ...     seed=0,
    ... )
    >>> net = net.fit(torch.linspace(-1, 1, 60).reshape(20, 3))
    >>> net.trained_.generator(torch.zeros(4, 2)).shape
    torch.Size([4, 3])
    """

    averaged = ("generator",)

    def __init__(
        self,
        generator,
        critic,
        *,
        objective,
        latent_dim,
        latent="uniform",
        penalties=(),
        augmentations=(),
        critic_iter=1,
    ):
        super().__init__()
        self.generator = generator()
        self.critic = critic()
        self.objective = objective
        self.latent_dim = latent_dim
        self.latent = latent
        self.penalties = penalties
        self.augmentations = augmentations
        self.critic_iter = critic_iter
        for penalty in penalties:
            penalty.prepare(self.constrained_critic)

    @property
    def constrained_critic(self):
        """What the penalties act on: the critic, or the part of it that rates samples."""
        return self.critic

    def parts(self):
        """Return critic and generator."""
        return {
            "critic": Part(self.critic, self.critic_batch, self.critic_loss),
            "generator": Part(self.generator, self.generator_batch, self.generator_loss),
        }

    def turns(self, n_updates):
        """Return ``critic_iter`` turns of the critic and one of the generator."""
        return ("critic",) * self.critic_iter + ("generator",)

    def after_step(self, turn):
        """Bring the critic back to where penalties want it."""
        if turn == "critic":
            for penalty in self.penalties:
                penalty.project(self.constrained_critic)

    def stateful(self):
        """Return the penalties, of which some have a state."""
        return {f"penalty {i}": penalty for i, penalty in enumerate(self.penalties)}

    def critic_batch(self, data, previous):
        """Return real samples and as many generated ones, without gradients."""
        with torch.no_grad():
            return self.make_batch(data, with_real=True)

    def generator_batch(self, data, previous):
        """Return generated samples, with gradients, and real ones if the objective reads them."""
        return self.make_batch(data, with_real=self.objective.needs_real_logits)

    def make_batch(self, data, *, with_real):
        """Draw a batch whose generated samples have the classes, if any, of the real ones."""
        rows = data.next_rows()
        labels = None if data.labels is None else data.labels[rows]
        latent = self.draw_latent(data)
        fake = self.augment(self.generate(latent, labels), data.rng)
        real = self.augment(data.samples[rows], data.rng) if with_real else None
        return data.batch(real=real, labels=labels, fake=fake, fake_labels=labels, latent=latent)

    def critic_loss(self, batch):
        """Return what the critic minimises: the objective and the penalties."""
        critic = self.conditioned_critic(batch)
        return self.penalized_loss(critic, batch.real, batch.fake, batch)

    def generator_loss(self, batch):
        """Return what the generator minimises."""
        return self.adversarial_loss(self.conditioned_critic(batch), batch.real, batch.fake)

    def penalized_loss(self, critic, real, fake, batch):
        """Return a critic's loss, penalties included; the critic takes samples alone."""
        logits = self.run(critic, torch.cat([real, fake]))
        loss = self.objective.critic_loss(*logits.split([len(real), len(fake)]))
        return loss + self.penalty_loss(critic, real, fake, batch)

    def adversarial_loss(self, critic, real, fake):
        """Return the generator's loss against a critic, which takes samples alone."""
        real_logits = None
        if self.objective.needs_real_logits:
            with torch.no_grad():
                real_logits = self.run(critic, real)
        return self.objective_loss(self.run(critic, fake), real_logits)

    def objective_loss(self, fake_logits, real_logits=None):
        """Return the objective's loss of the generator; real logits only where it needs them."""
        if real_logits is not None:
            return self.objective.generator_loss(fake_logits, real_logits)
        try:
            return self.objective.generator_loss(fake_logits)
        except (AttributeError, TypeError) as error:
            error.add_note(
                f"{type(self.objective).__name__}.generator_loss got no logits of real samples. If "
                "it reads them, set the class attribute needs_real_logits = True."
            )
            raise

    def penalty_loss(self, critic, real, fake, batch):
        """Return the sum of the penalties of a critic; 0 where there are none."""
        # In float32 whatever the precision: the second derivatives of a rounded critic are noise.
        losses = (
            penalty.loss(critic, real, fake, rng=batch.rng, step=batch.step)
            for penalty in self.penalties
        )
        return sum(loss for loss in losses if loss is not None)

    def generate(self, latent, labels=None):
        """Return generated samples; the classes are for conditional games."""
        return self.run(self.generator, latent)

    def conditioned_critic(self, batch):
        """Return the critic as a function of samples alone: given the batch's classes, if any."""
        return self.critic

    def draw_latent(self, data, n_samples=None):
        """Draw latent points, a batch of them by default."""
        return draw_latent(self.latent, n_samples or data.batch_size, self.latent_dim, data.rng)

    def augment(self, samples, rng):
        """Apply the augmentations, with fresh draws."""
        for augmentation in self.augmentations:
            samples = augmentation(samples, rng)
        return samples

    def draw_inputs(self, data, n_samples=None, network="generator"):
        """Draw what the generator takes, a batch of it by default."""
        return (self.draw_latent(data, n_samples),)

    def forward(self, latent):
        """Return generated samples, as networks see them, of latent points."""
        return self.generator(latent)


class EncoderGame(AdversarialGame):
    """Base of adversarial games whose generator and encoder learn together."""

    def __init__(self, generator, critic, *, encoder, **kwargs):
        super().__init__(generator, critic, **kwargs)
        self.encoder = encoder()

    def parts(self):
        """Return the critic, and generator and encoder, which learn together."""
        both = nn.ModuleList([self.generator, self.encoder])
        return super().parts() | {
            "generator": Part(both, self.generator_batch, self.generator_loss)
        }


class BidirectionalGame(EncoderGame):
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

    See Also
    --------
    InvertibleAdversarialGame : Learns by reconstruction as well.
    skgal.generators.BiGAN : The estimator.

    References
    ----------
    J. Donahue, P. Krähenbühl, T. Darrell, "Adversarial feature learning", ICLR 2017, equation (3)
    and section 3.4.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import BiGAN
    >>> X = load_iris().data
    >>> game = BiGAN(latent_dim=2, max_iter=5, random_state=0).fit(X).net_.trained_
    >>> type(game).__name__, game.encoder(torch.zeros(3, 4)).shape
    ('BidirectionalGame', torch.Size([3, 2]))
    """

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
