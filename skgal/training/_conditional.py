"""The adversarial game where every sample has a class."""

import torch

from skgal.nn import GivenClasses
from skgal.training._adversarial import AdversarialNet
from skgal.training._batches import LabelledBatches


class ConditionalNet(AdversarialNet):
    """A generator of samples of given classes against a critic that sees the classes.

    The critic compares a batch of real samples with generated ones of the same classes, row by
    row, so that a penalty that pairs them has one class for each pair. The classes of the
    generator's step are drawn from the training frequencies.

    Parameters
    ----------
    module, critic : callables
        Make the generator, called as ``generator(latent, labels)``, and the critic, a
        :class:`skgal.nn.ConditionalCritic`; called without arguments.
    **kwargs
        Parameters of :class:`AdversarialNet`. ``fit(X, y)`` takes the classes as integers from 0.

    References
    ----------
    .. [1] Mirza & Osindero, "Conditional Generative Adversarial Nets", 2014, equation (2);
       Polarity-GAN, equation (11).
    """

    def make_batches(self, data, labels, rng):
        """Make the stream of real samples and their classes."""
        return LabelledBatches(data, labels, self.batch_size, rng)

    def critic_step(self, batch):
        """Update the critic on real samples and generated ones of their classes."""
        real, labels = batch
        with torch.no_grad():
            fake = self.run(self.module_, self.draw_latent(), labels)
        return self.update_critic(self.critic_loss(self.augment(real), self.augment(fake), labels))

    def generator_step(self):
        """Update the generator on classes drawn from the training frequencies."""
        latent, labels = self.draw_inputs()
        fake = self.run(self.module_, latent, labels)
        return self.update_generator(self.generator_loss(self.augment(fake), labels))

    def critic_loss(self, real, fake, labels):
        """Return the critic's loss; each class is that of a real and of a generated sample."""
        return self.adversarial_loss(GivenClasses(self.critic_, labels), real, fake)

    def generator_loss(self, fake, labels):
        """Return the generator's loss on augmented samples of given classes."""
        return self.objective.generator_loss(self.run(self.critic_, fake, labels))

    def draw_labels(self, n_samples=None):
        """Draw classes, a batch of them by default, with their frequencies in the data."""
        labels = self.batches_.labels
        size = (n_samples or self.effective_batch_size_,)
        return labels[torch.randint(len(labels), size, generator=self.rng_, device=labels.device)]

    def draw_inputs(self, n_samples=None):
        """Draw latent points and classes, a batch of them by default."""
        return self.draw_latent(n_samples), self.draw_labels(n_samples)
