"""The adversarial game of a generator and a critic."""

from copy import deepcopy

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn, update_bn

from skgal.engine._batches import TensorBatches
from skgal.engine._latent import draw_latent
from skgal.engine._seeding import torch_generator
from skgal.engine._update_net import UpdateNet
from skgal.nn import set_dropout_rng

# How many latent points settle the batch-norm statistics of the averaged generator.
_STATISTICS_BATCHES = 20


class AdversarialNet(UpdateNet):
    """A generator and a critic, each with its own optimizer, trained against each other.

    One update is ``critic_iter`` steps of the critic and one of the generator. A subclass
    with another game overrides :meth:`critic_loss` or :meth:`generator_loss`.

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
            penalty.prepare(self.critic_)
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

    def start(self, data):
        """Prepare the batches of real samples."""
        rng = torch_generator(self.seed, self.device)
        self.batches_ = TensorBatches(data, self.batch_size, rng)
        self.effective_batch_size_ = self.batches_.batch_size
        self.n_updates_ = 0
        self.module_.train()
        self.critic_.train()
        self.ema_.eval()
        self.averages_ = _floating_state(self.ema_), _floating_state(self.module_)
        set_dropout_rng(self.critic_, self.rng_)

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Play the game, then settle what the averaged generator needs to be used."""
        super().fit_loop(X, y)
        self.batches_ = self.averages_ = None
        if self.ema_decay is not None:
            latents = (self.draw_latent() for _ in range(_STATISTICS_BATCHES))
            update_bn(latents, self.ema_)
        self.module_.eval()
        self.critic_.eval()
        return self

    def train_step(self):
        """Update the critic ``critic_iter`` times and the generator once."""
        for _ in range(self.critic_iter):
            critic_loss = self.critic_step(self.batches_.next())
        generator_loss = self.generator_step()
        self.n_updates_ += 1
        self._average_weights()
        return {"critic_loss": critic_loss, "generator_loss": generator_loss}

    def critic_step(self, real):
        """Update the critic on a batch of real samples; return its loss."""
        with torch.no_grad():
            fake = self.module_(self.draw_latent())
        loss = self.critic_loss(self.augment(real), self.augment(fake))
        self.apply_gradients(self.critic_, self.critic_optimizer_, loss)
        for penalty in self.penalties:
            penalty.project(self.critic_)
        return loss.detach()

    def generator_step(self):
        """Update the generator; return its loss."""
        fake = self.module_(self.draw_latent())
        loss = self.generator_loss(self.augment(fake))
        self.apply_gradients(self.module_, self.optimizer_, loss)
        return loss.detach()

    def critic_loss(self, real, fake):
        """Return the critic's loss, penalties included, on augmented samples."""
        logits = self.critic_(torch.cat([real, fake]))
        loss = self.objective.critic_loss(*logits.split([len(real), len(fake)]))
        for penalty in self.penalties:
            extra = penalty.loss(self.critic_, real, fake, self.rng_)
            if extra is not None:
                loss = loss + extra
        return loss

    def generator_loss(self, fake):
        """Return the generator's loss on augmented samples."""
        return self.objective.generator_loss(self.critic_(fake))

    def draw_latent(self):
        """Draw a batch of latent points."""
        return draw_latent(self.latent, self.effective_batch_size_, self.latent_dim, self.rng_)

    def augment(self, samples):
        """Apply the augmentations, with fresh draws."""
        for augmentation in self.augmentations:
            samples = augmentation(samples, self.rng_)
        return samples

    def _average_weights(self):
        if self.ema_decay is None:
            return
        decay = min(self.ema_decay, (1 + self.n_updates_) / (10 + self.n_updates_))
        get_ema_multi_avg_fn(decay)(*self.averages_, self.n_updates_)


def _floating_state(network):
    """Return the weights and batch-norm statistics of a network, to be averaged in place."""
    tensors = (*network.parameters(), *network.buffers())
    return [tensor for tensor in tensors if tensor.is_floating_point()]
