"""The adversarial game of a generator and a critic."""

from copy import deepcopy

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn, update_bn

from skgal.nn import BLOCK_SIZE, set_rng, torch_generator
from skgal.training._batches import TensorBatches
from skgal.training._latent import draw_latent
from skgal.training._update_net import UpdateNet

# How many latent points settle the batch-norm statistics of the averaged generator.
_STATISTICS_BATCHES = 20


class AdversarialNet(UpdateNet):
    """A generator and a critic, each with its own optimizer, trained against each other.

    One update is ``critic_iter`` steps of the critic and one of the generator. A subclass
    with another game overrides :meth:`critic_loss` or :meth:`generator_loss`; one with other
    batches, such as labelled ones, :meth:`make_batches` and the two steps as well.

    Parameters
    ----------
    module, critic : callables
        Make the generator and the critic; called without arguments.
    objective : skgal.objectives.Objective
    penalties : tuple of skgal.objectives.Penalty, default=()
    augmentations : tuple of callables ``f(images, rng) -> images``, default=()
        Applied to what the critic sees, real and generated.
    latent_dim : int
    latent : {"uniform", "normal"}, default="uniform"
    critic_iter : int, default=1
    ema_decay : float or None, default=0.999
        Decay of the moving average of the generator's weights that is used once trained. It
        is smaller in the first updates, so that the average forgets the initial weights.
    batch_size : int, default=64
    **kwargs
        Parameters of :class:`UpdateNet`.

    Attributes
    ----------
    module_, critic_, ema_ : torch.nn.Module
        Generator, critic, and the generator of averaged weights.
    """

    stateful = ("batches_",)

    def __init__(
        self,
        module,
        *,
        critic,
        objective,
        latent_dim,
        penalties=(),
        augmentations=(),
        latent="uniform",
        critic_iter=1,
        ema_decay=0.999,
        batch_size=64,
        **kwargs,
    ):
        self.critic = critic
        self.objective = objective
        self.penalties = penalties
        self.augmentations = augmentations
        self.latent_dim = latent_dim
        self.latent = latent
        self.critic_iter = critic_iter
        self.ema_decay = ema_decay
        super().__init__(module, batch_size=batch_size, **kwargs)

    def initialize_module(self):
        """Make generator, critic and averaged generator."""
        self.module_ = self.module()
        self.critic_ = self.critic()
        for penalty in self.penalties:
            penalty.prepare(self.constrained_critic)
        self.ema_ = deepcopy(self.module_).requires_grad_(False)
        return self

    def initialize_optimizer(self, triggered_directly=None):
        """Make an optimizer for the generator and one for the critic."""
        self.optimizer_ = self.make_optimizer(self.module_)
        self.critic_optimizer_ = self.make_optimizer(self.critic_)
        return self

    @property
    def generator_(self):
        """The generator to draw samples from: that of averaged weights, if they are averaged."""
        return self.module_ if self.ema_decay is None else self.ema_

    @property
    def constrained_critic(self):
        """What the penalties act on: the critic, or the part of it that rates samples."""
        return self.critic_

    def start(self, data, labels=None):
        """Prepare the batches of real samples."""
        self.batches_ = self.make_batches(data, labels, torch_generator(self.seed, self.device))
        self.effective_batch_size_ = self.batches_.batch_size
        self.module_.train()
        self.critic_.train()
        self.ema_.eval()
        self.averages_ = _floating_state(self.ema_), _floating_state(self.module_)
        for network in (self.module_, self.critic_, self.ema_):
            set_rng(network, self.rng_)

    def make_batches(self, data, labels, rng):
        """Make the stream of what :meth:`critic_step` takes."""
        return TensorBatches(data, self.batch_size, rng)

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Play the game, then settle what the averaged generator needs to be used."""
        super().fit_loop(X, y)
        if self.ema_decay is not None:
            self.settle_statistics(self.ema_)
        self.batches_ = self.averages_ = None
        self.module_.eval()
        self.critic_.eval()
        return self

    def train_step(self):
        """Update the critic ``critic_iter`` times and the generator once."""
        for _ in range(self.critic_iter):
            critic_loss = self.critic_step(self.batches_.next())
        generator_loss = self.generator_step()
        self._average_weights()
        return {"critic_loss": critic_loss, "generator_loss": generator_loss}

    def critic_step(self, real):
        """Update the critic on a batch of real samples; return its loss."""
        with torch.no_grad():
            fake = self.run(self.module_, self.draw_latent())
        return self.update_critic(self.critic_loss(self.augment(real), self.augment(fake)))

    def generator_step(self):
        """Update the generator; return its loss."""
        fake = self.run(self.module_, self.draw_latent())
        return self.update_generator(self.generator_loss(self.augment(fake)))

    def critic_loss(self, real, fake):
        """Return the critic's loss, penalties included, on augmented samples."""
        return self.adversarial_loss(self.critic_, real, fake)

    def generator_loss(self, fake):
        """Return the generator's loss on augmented samples."""
        return self.objective.generator_loss(self.run(self.critic_, fake))

    def adversarial_loss(self, critic, real, fake):
        """Return what any critic, a function of samples alone, loses: objective and penalties."""
        logits = self.run(critic, torch.cat([real, fake]))
        loss = self.objective.critic_loss(*logits.split([len(real), len(fake)]))
        return loss + self.penalty_loss(critic, real, fake)

    def penalty_loss(self, critic, real, fake):
        """Return the sum of the penalties of a critic; 0 where there are none."""
        # In float32 whatever the precision: the second derivatives of a rounded critic are noise.
        losses = (penalty.loss(critic, real, fake, self.rng_) for penalty in self.penalties)
        return sum(loss for loss in losses if loss is not None)

    def update_critic(self, loss):
        """Step against the gradient of the critic's loss; return the loss, detached."""
        self.apply_gradients(self.critic_, self.critic_optimizer_, loss)
        for penalty in self.penalties:
            penalty.project(self.constrained_critic)
        return loss.detach()

    def update_generator(self, loss):
        """Step against the gradient of the generator's loss; return the loss, detached."""
        self.apply_gradients(self.module_, self.optimizer_, loss)
        return loss.detach()

    def draw_latent(self, n_samples=None):
        """Draw latent points, a batch of them by default."""
        n_samples = n_samples or self.effective_batch_size_
        return draw_latent(self.latent, n_samples, self.latent_dim, self.rng_)

    def augment(self, samples):
        """Apply the augmentations, with fresh draws."""
        for augmentation in self.augmentations:
            samples = augmentation(samples, self.rng_)
        return samples

    def draw_inputs(self, n_samples=None):
        """Draw what the generator takes, a batch of it by default."""
        return (self.draw_latent(n_samples),)

    def settle_statistics(self, generator):
        """Measure the batch-norm statistics that belong to averaged weights."""
        # update_bn passes on the first element of what it is given: here, the inputs.
        draws = ([self.draw_inputs()] for _ in range(_STATISTICS_BATCHES))
        update_bn(draws, _Unpacked(generator).eval())

    @torch.no_grad()
    def preview(self, n_samples):
        """Return the generator as it would be if the game ended now, and samples of it.

        The game's own draws stay what they are.

        Parameters
        ----------
        n_samples : int

        Returns
        -------
        generator : torch.nn.Module
            In evaluation mode.
        samples : ndarray of shape (n_samples, *shape), dtype float32
        """
        rng, self.rng_ = self.rng_, torch_generator(self.seed, self.device)
        generator = deepcopy(self.generator_)
        try:
            set_rng(generator, self.rng_)
            if self.ema_decay is not None:
                self.settle_statistics(generator)
            generator.eval()
            inputs = (part.split(BLOCK_SIZE) for part in self.draw_inputs(n_samples))
            blocks = [generator(*block).cpu() for block in zip(*inputs, strict=True)]
        finally:
            self.rng_ = rng
        return generator, torch.cat(blocks).numpy()

    def _average_weights(self):
        if self.ema_decay is None:
            return
        n_updates = self.n_updates_ + 1
        decay = min(self.ema_decay, (1 + n_updates) / (10 + n_updates))
        get_ema_multi_avg_fn(decay)(*self.averages_, n_updates)


class _Unpacked(nn.Module):
    """A network of several arguments as one of a tuple."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, inputs):
        return self.network(*inputs)


def _floating_state(network):
    """Return the weights and batch-norm statistics of a network, to be averaged in place."""
    tensors = (*network.parameters(), *network.buffers())
    return [tensor for tensor in tensors if tensor.is_floating_point()]
