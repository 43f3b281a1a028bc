"""The game of Polarity-GAN: a hull generator against a critic and against a classifier."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from skgal.nn import BLOCK_SIZE, mix
from skgal.objectives import evasion_loss
from skgal.training._class_members import ClassMembers
from skgal.training._conditional import ConditionalNet
from skgal.utils import seeded_torch


class PolarityNet(ConditionalNet):
    r"""A hull generator in two games: with a critic, to look real; with a classifier, to be hard.

    With :math:`p_k` the frequency of the most frequent class, a class :math:`i` is generated for
    critic and classifier with probability :math:`q_i \propto p_k - p_i`, and for the generator's
    own step with equal probability if :math:`p_i < p_k`. Where all classes are equally
    frequent, each is generated equally often.

    - The critic compares generated samples with real ones of the same classes, row by row. Equation
      (5) weighs real samples by :math:`p_i` and generated ones by :math:`p_k - p_i`; a critic that
      knows the class would gain without end by adding a constant to a class, so here both have
      the second weight.
    - The classifier minimises the cross-entropy on real samples as they come and on generated ones.
    - The generator minimises its objective plus :math:`\lambda\,\mathbb{E}[-\log(1 - C(y | G(z,
      y)))]`. Of the two forms in equation (6) this is the one that is bounded: it pulls towards
      the other classes where the classifier is sure, and no more once it is misled.

    An extractor, if there is one, is trained on real samples alone, classifier held fixed, at every
    ``extractor_interval``-th update. Critic and classifier then see features, and what is
    generated is a weighted mean of the anchors' features.

    Parameters
    ----------
    module : callable
        Makes the :class:`skgal.nn.HullGenerator`; called without arguments, as are the others.
    critic, classifier : callables
        Make the :class:`skgal.nn.ConditionalCritic`, and a network from samples, or features, to
        the logits of the classes.
    extractor : callable or None, default=None
        Makes a network from samples to features of shape (n, n_features).
    classifier_weight : float, default=1.0
        The weight :math:`\lambda`.
    extractor_interval : int, default=10
        The number j of Algorithm 1.
    classifier_lr : float or None, default=None
        Step size for classifier and extractor; None: that of the others.
    **kwargs
        Parameters of :class:`ConditionalNet`.

    Attributes
    ----------
    classifier_, extractor_ : torch.nn.Module
        The second is the identity if there is no extractor.

    References
    ----------
    .. [1] Polarity-GAN, Algorithm 1 and equations (4) to (6). Line 7 there has the critic take
       generated samples for real ones, which equation (5) contradicts.
    """

    def __init__(
        self,
        module,
        *,
        classifier,
        extractor=None,
        classifier_weight=1.0,
        extractor_interval=10,
        classifier_lr=None,
        **kwargs,
    ):
        self.classifier = classifier
        self.extractor = extractor
        self.classifier_weight = classifier_weight
        self.extractor_interval = extractor_interval
        self.classifier_lr = classifier_lr
        super().__init__(module, **kwargs)

    def initialize_module(self):
        """Make generator, critic, averaged generator, classifier and extractor."""
        super().initialize_module()
        self.classifier_ = self.classifier()
        self.extractor_ = nn.Identity() if self.extractor is None else self.extractor()
        return self

    def initialize_optimizer(self, triggered_directly=None):
        """Make an optimizer for each network that learns."""
        super().initialize_optimizer()
        self.classifier_optimizer_ = self._make_classifier_optimizer(self.classifier_)
        if self.learns_features:
            self.extractor_optimizer_ = self._make_classifier_optimizer(self.learning_layers)
        return self

    def _make_classifier_optimizer(self, module):
        optimizer = self.make_optimizer(module)
        if self.classifier_lr is not None:
            for group in optimizer.param_groups:
                group["lr"] = self.classifier_lr
        return optimizer

    @property
    def learning_layers(self):
        """The weights of the extractor that aren't frozen."""
        return nn.ParameterList(w for w in self.extractor_.parameters() if w.requires_grad)

    @property
    def learns_features(self):
        """Whether any part of the extractor is to be trained."""
        return any(weight.requires_grad for weight in self.extractor_.parameters())

    def place(self, anchors, codes):
        """Set the anchors of the generator and of its averaged twin, given as arrays."""
        for generator in (self.module_, self.ema_):
            generator.place(torch.as_tensor(anchors), torch.as_tensor(codes))

    def start(self, data, labels=None):
        """Prepare the batches, and the draws of rows by class."""
        super().start(data, labels)
        # The generator's buffers, anchors and what belongs to them, are not to be averaged.
        self.averages_ = list(self.ema_.parameters()), list(self.module_.parameters())
        self.classifier_.train()
        self.extractor_.eval()
        self.features_ = None
        self.members_ = ClassMembers(data, labels, len(self.module_.log_sharpness))

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Play the games, then leave all networks ready for use."""
        super().fit_loop(X, y)
        self.classifier_.eval()
        self.features_ = self.members_ = None
        return self

    def train_step(self):
        """Update the extractor if it is its turn, critic, classifier and generator."""
        if self.learns_features and self.n_updates_ % self.extractor_interval == 0:
            self.extractor_step(self.batches_.next())
        for _ in range(self.critic_iter):
            fake, labels = self.draw_rare()
            critic_loss = self.critic_step(fake, labels)
        classifier_loss = self.classifier_step(self.batches_.next(), fake, labels)
        generator_loss = self.generator_step()
        self._average_weights()
        return {
            "critic_loss": critic_loss,
            "classifier_loss": classifier_loss,
            "generator_loss": generator_loss,
        }

    def extractor_step(self, batch):
        """Update the extractor on real samples (line 2 of Algorithm 1)."""
        samples, labels = batch
        self.extractor_.train()
        with seeded_torch(self.seed + self.n_updates_, self.device):  # for its dropout
            features = self.run(self.extractor_, self.augment(samples))
            logits = self.run(self.classifier_, features)
        loss = cross_entropy(logits, labels)
        self.apply_gradients(self.learning_layers, self.extractor_optimizer_, loss)
        self.extractor_.eval()
        self.features_ = None
        return loss.detach()

    @torch.no_grad()
    def draw_rare(self):
        """Generate a batch of the rarer classes, and return it with them (lines 5 and 6)."""
        labels = self.members_.draw_rare(self.effective_batch_size_, self.rng_)
        return self.draw_fake(labels), labels

    def critic_step(self, fake, labels):
        """Update the critic on generated samples and real ones of their classes (lines 4, 7)."""
        with torch.no_grad():
            real = self.extract(self.members_.draw(labels, self.rng_))
        return self.update_critic(self.critic_loss(real, fake, labels))

    def classifier_step(self, batch, fake, fake_labels):
        """Update the classifier on real samples and as many generated ones (lines 4, 7)."""
        samples, labels = batch
        with torch.no_grad():
            real = self.extract(samples)
        # In one pass: twice the mean over both is the sum of their means.
        seen, targets = torch.cat([real, fake]), torch.cat([labels, fake_labels])
        loss = 2 * cross_entropy(self.run(self.classifier_, seen), targets)
        self.apply_gradients(self.classifier_, self.classifier_optimizer_, loss)
        return loss.detach()

    def generator_step(self):
        """Update the generator on rarer classes, each as often (lines 8 to 11)."""
        labels = self.members_.draw_evenly(self.effective_batch_size_, self.rng_)
        return self.update_generator(self.generator_loss(self.draw_fake(labels), labels))

    def generator_loss(self, fake, labels):
        """Return the generator's loss: to look real, and unlike its class."""
        loss = super().generator_loss(fake, labels)
        if self.classifier_weight == 0 or len(self.module_.log_sharpness) == 1:
            return loss
        logits = self.run(self.classifier_, fake)
        return loss + self.classifier_weight * evasion_loss(logits, labels)

    def draw_fake(self, labels):
        """Generate what critic and classifier see, of given classes."""
        # In float32 whatever the precision: rounded weights would leave the hull.
        latent = self.draw_latent(len(labels))
        if self.extractor is None:
            return self.augment(self.module_(latent, labels))
        return mix(*self.module_.weights(latent, labels), self.anchor_features())

    @torch.no_grad()
    def anchor_features(self):
        """Return the anchors' features; they change when the extractor does."""
        if self.features_ is None:
            blocks = self.module_.anchors.split(BLOCK_SIZE)
            self.features_ = torch.cat([self.run(self.extractor_, block) for block in blocks])
        return self.features_

    def extract(self, samples):
        """Return what critic and classifier see of real samples."""
        # Features can't be augmented like samples, and the critic must see both alike.
        return (
            self.augment(samples) if self.extractor is None else self.run(self.extractor_, samples)
        )

    def classify(self, samples):
        """Return the logits of the classes of samples."""
        return self.classifier_(self.extractor_(samples))
