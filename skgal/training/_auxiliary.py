"""The adversarial game of AC-GAN: the critic also tells the classes apart."""

import torch
from torch.nn.functional import cross_entropy

from skgal.training._conditional import ConditionalNet


class AuxiliaryNet(ConditionalNet):
    r"""A conditional generator against a critic with an auxiliary classifier.

    The critic rates samples without knowing their class, and minimises, besides its objective,
    :math:`\lambda\,\mathbb{E}[-\log C(y^r | x^r)]` on real samples; the generator, besides its
    own, :math:`\lambda\,\mathbb{E}[-\log C(y^g | G(z, y^g))]`. What constrains the critic
    leaves the classifier's own layer alone: it need not be Lipschitz.

    Parameters
    ----------
    module, critic : callables
        Make the generator, called as ``generator(latent, labels)``, and the critic, a
        :class:`skgal.nn.AuxiliaryCritic`; called without arguments.
    classifier_weight : float, default=1.0
        The weight :math:`\lambda`.
    adversarial_sampling : int, default=1
        How many candidates are generated for each sample of a generated batch. The critic ranks
        them all, whatever their class, and the most real-looking make the batch that updates
        the critic and then the generator. With several steps of the critic, each has a batch of
        its own and the generator learns from the last.
    **kwargs
        Parameters of :class:`ConditionalNet`.

    References
    ----------
    .. [1] ALCG, equations (1) to (5); Algorithm 1, lines 11 to 15; section 3.4.
    """

    def __init__(self, module, *, classifier_weight=1.0, adversarial_sampling=1, **kwargs):
        self.classifier_weight = classifier_weight
        self.adversarial_sampling = adversarial_sampling
        super().__init__(module, **kwargs)

    @property
    def constrained_critic(self):
        """The part of the critic that rates samples."""
        return self.critic_.source

    def classify(self, samples):
        """Return the logits of the classes of samples."""
        return self.critic_.classify(samples)

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Play the game."""
        super().fit_loop(X, y)
        self.chosen_ = None
        return self

    def critic_step(self, batch):
        """Update critic and classifier on real samples and the chosen generated ones."""
        real, labels = batch
        fake = self.choose_fake()
        return self.update_critic(self.critic_loss(self.augment(real), self.augment(fake), labels))

    def generator_step(self):
        """Update the generator on what the critic was updated on last."""
        latent, labels = self.chosen_
        fake = self.run(self.module_, latent, labels)
        return self.update_generator(self.generator_loss(self.augment(fake), labels))

    @torch.no_grad()
    def choose_fake(self):
        """Generate candidates and return the most real-looking; remember where they are from."""
        n_samples = self.effective_batch_size_
        n_candidates = self.adversarial_sampling * n_samples
        latent, labels = self.draw_game_inputs(n_candidates)
        fake = self.run(self.module_, latent, labels)
        if n_candidates > n_samples:
            best = self.run(self.critic_, fake).topk(n_samples).indices
            fake, latent, labels = fake[best], latent[best], labels[best]
        self.chosen_ = latent, labels
        return fake

    def draw_game_inputs(self, n_samples):
        """Draw what is generated in the game: classes with their frequencies in the data."""
        return self.draw_inputs(n_samples)

    def critic_loss(self, real, fake, labels):
        """Return the loss of critic and classifier; the classes are those of the real samples."""
        logits, class_logits = self.run(self.critic_.judge, torch.cat([real, fake]))
        loss = self.objective.critic_loss(*logits.split([len(real), len(fake)]))
        loss = loss + self.penalty_loss(self.critic_.source, real, fake)
        return loss + self.classifier_weight * cross_entropy(class_logits[: len(real)], labels)

    def generator_loss(self, fake, labels):
        """Return the generator's loss: to look real, and like its class."""
        logits, class_logits = self.run(self.critic_.judge, fake)
        loss = self.objective.generator_loss(logits)
        return loss + self.classifier_weight * cross_entropy(class_logits, labels)
