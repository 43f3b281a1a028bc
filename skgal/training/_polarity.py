"""The game of Polarity-GAN: a hull generator against a critic and against a classifier."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from skgal.nn import BLOCK_SIZE, mix
from skgal.objectives import evasion_loss
from skgal.training._conditional import ConditionalGame
from skgal.training._loop import Part
from skgal.utils import seeded_torch


class PolarityGame(ConditionalGame):
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
    generator : callable
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
    **kwargs
        Parameters of :class:`ConditionalGame`.

    See Also
    --------
    skgal.nn.HullGenerator : The generator.
    skgal.generators.PolarityGAN : The estimator.

    References
    ----------
    K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty sampling
    approach", arXiv 2020, Algorithm 1 and equations (4) to (6). Line 7 there has the critic take
    generated samples for real ones, which equation (5) contradicts.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import PolarityGAN
    >>> X, y = load_iris(return_X_y=True)
    >>> gan = PolarityGAN(max_iter=5, autoencoder_max_iter=5, random_state=0).fit(X[:110], y[:110])
    >>> game = gan.net_.trained_
    >>> type(game).__name__, game.classify(torch.zeros(2, 4)).shape
    ('PolarityGame', torch.Size([2, 3]))
    """

    def __init__(
        self,
        generator,
        critic,
        *,
        classifier,
        extractor=None,
        classifier_weight=1.0,
        extractor_interval=10,
        **kwargs,
    ):
        super().__init__(generator, critic, **kwargs)
        self.classifier = classifier()
        self.sees_samples = extractor is None
        self.extractor = nn.Identity() if extractor is None else extractor()
        self.classifier_weight = classifier_weight
        self.extractor_interval = extractor_interval
        self._anchor_features = None

    @property
    def n_classes(self):
        """The number of classes."""
        return len(self.generator.log_sharpness)

    def parts(self):
        """Return critic, classifier, generator and, unless it is frozen, the extractor."""
        parts = {
            "critic": Part(self.critic, self.critic_batch, self.critic_loss),
            "classifier": Part(self.classifier, self.classifier_batch, self.classifier_loss),
            "generator": Part(self.generator, self.generator_batch, self.generator_loss),
        }
        if any(weight.requires_grad for weight in self.extractor.parameters()):
            parts["extractor"] = Part(self.extractor, self.extractor_batch, self.extractor_loss)
        return parts

    def turns(self, n_updates):
        """Return the turns: of the extractor if it is due, critic, classifier, generator."""
        is_due = n_updates % self.extractor_interval == 0 and "extractor" in self.parts()
        first = ("extractor",) if is_due else ()
        return (*first, *("critic",) * self.critic_iter, "classifier", "generator")

    def train(self, mode=True):
        """Set the mode of training; the extractor is in it only at its own turns."""
        super().train(mode)
        self.extractor.eval()
        self._anchor_features = None
        return self

    def after_step(self, turn):
        """Bring the critic back to where penalties want it; compute new features of anchors."""
        super().after_step(turn)
        if turn == "extractor":
            self._anchor_features = None

    def extractor_batch(self, data, previous):
        """Return real samples (line 2 of Algorithm 1)."""
        samples, labels = data.next()
        return data.batch(real=self.augment(samples, data.rng), labels=labels)

    def extractor_loss(self, batch):
        """Return the cross-entropy of the classifier on features."""
        self.extractor.train()
        # For its dropout; a seed drawn from rng would make the host wait for the GPU.
        with seeded_torch(batch.rng.initial_seed() % 2**32 + batch.step, batch.real.device):
            features = self.run(self.extractor, batch.real)
            logits = self.run(self.classifier, features)
        self.extractor.eval()
        return cross_entropy(logits, batch.labels)

    def critic_batch(self, data, previous):
        """Return generated samples of the rarer classes, and real ones of these (lines 4 to 7)."""
        labels = data.draw_by_deficit(data.batch_size, self.n_classes)
        latent = self.draw_latent(data)
        with torch.no_grad():
            fake = self.generate_seen(latent, labels, data.rng)
            real = self.extract(data.draw_samples_of(labels, self.n_classes), data.rng)
        return data.batch(real=real, labels=labels, fake=fake, fake_labels=labels, latent=latent)

    def classifier_batch(self, data, previous):
        """Return real samples as they come, and the generated ones that the critic saw."""
        samples, labels = data.next()
        with torch.no_grad():
            real = self.extract(samples, data.rng)
        return previous._replace(real=real, labels=labels)

    def classifier_loss(self, batch):
        """Return the cross-entropy on real samples and that on generated ones."""
        # In one pass: twice the mean over both is the sum of their means.
        seen = torch.cat([batch.real, batch.fake])
        targets = torch.cat([batch.labels, batch.fake_labels])
        return 2 * cross_entropy(self.run(self.classifier, seen), targets)

    def generator_batch(self, data, previous):
        """Return generated samples of the rarer classes, each as often (lines 8 to 11)."""
        labels = data.draw_minority_classes(data.batch_size, self.n_classes)
        latent = self.draw_latent(data)
        real = None
        if self.objective.needs_real_logits:
            with torch.no_grad():
                real = self.extract(data.draw_samples_of(labels, self.n_classes), data.rng)
        fake = self.generate_seen(latent, labels, data.rng)
        return data.batch(real=real, labels=labels, fake=fake, fake_labels=labels, latent=latent)

    def generator_loss(self, batch):
        """Return the generator's loss: to look real, and unlike its class."""
        loss = super().generator_loss(batch)
        if self.classifier_weight == 0 or self.n_classes == 1:
            return loss
        logits = self.run(self.classifier, batch.fake)
        return loss + self.classifier_weight * evasion_loss(logits, batch.fake_labels)

    def generate_seen(self, latent, labels, rng):
        """Generate what critic and classifier see, of given classes."""
        # In float32 whatever the precision: rounded weights would leave the hull.
        if self.sees_samples:
            return self.augment(self.generator(latent, labels), rng)
        return mix(*self.generator.weights(latent, labels), self.anchor_features())

    @torch.no_grad()
    def anchor_features(self):
        """Return the anchors' features; they change when the extractor does."""
        if self._anchor_features is None:
            blocks = self.generator.anchors.split(BLOCK_SIZE)
            features = [self.run(self.extractor, block) for block in blocks]
            self._anchor_features = torch.cat(features)
        return self._anchor_features

    def extract(self, samples, rng):
        """Return what critic and classifier see of real samples."""
        # Features can't be augmented like samples, and the critic must see both alike.
        if self.sees_samples:
            return self.augment(samples, rng)
        return self.run(self.extractor, samples)

    def classify(self, samples):
        """Return the logits of the classes of samples."""
        return self.classifier(self.extractor(samples))

    def classifier_features(self, samples):
        """Return what the layer that makes the logits of the classes sees."""
        return self.classifier[:-1](self.extractor(samples))
