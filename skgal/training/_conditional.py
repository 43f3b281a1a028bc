"""Adversarial games where every sample has a class."""

import torch
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy

from skgal.nn import GivenClasses, copy_weights
from skgal.training._adversarial import AdversarialGame


class ConditionalGame(AdversarialGame):
    """A generator of samples of given classes against a critic that sees the classes.

    Generated samples have the classes of a batch of real ones, so the training frequencies, and the
    critic compares the two row by row: a penalty that pairs them has one class for each pair.

    Parameters
    ----------
    generator, critic : callables
        Make the generator, called as ``generator(latent, labels)``, and the critic, a
        :class:`skgal.nn.ConditionalCritic`; called without arguments. All else is as in
        :class:`AdversarialGame`.

    See Also
    --------
    AdversarialGame : Without classes.
    skgal.generators.CGAN : The estimator.

    References
    ----------
    M. Mirza, S. Osindero, "Conditional generative adversarial nets", 2014, equation (2).

    K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty sampling
    approach", arXiv 2020, equation (11).

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import CGAN
    >>> X, y = load_iris(return_X_y=True)
    >>> game = CGAN(latent_dim=2, max_iter=5, random_state=0).fit(X, y).net_.trained_
    >>> type(game).__name__, game(torch.zeros(3, 2), torch.tensor([0, 1, 2])).shape
    ('ConditionalGame', torch.Size([3, 4]))
    """

    def generate(self, latent, labels=None):
        """Return generated samples of given classes."""
        return self.run(self.generator, latent, labels)

    def conditioned_critic(self, batch):
        """Return the critic as a function of samples alone, given the classes of a batch."""
        return GivenClasses(self.critic, batch.fake_labels)

    def draw_inputs(self, data, n_samples=None, network="generator"):
        """Draw latent points and classes, a batch of them by default."""
        n_samples = n_samples or data.batch_size
        return self.draw_latent(data, n_samples), data.draw_labels(n_samples)

    def forward(self, latent, labels):
        """Return generated samples, as networks see them, of latent points and classes."""
        return self.generator(latent, labels)


class AuxiliaryGame(ConditionalGame):
    r"""AC-GAN: the critic isn't told the class but predicts it.

    The critic rates samples without knowing their class, and minimises, besides its objective,
    :math:`\lambda\,\mathbb{E}[-\log C(y^r | x^r)]` on real samples; the generator, besides its
    own, :math:`\lambda\,\mathbb{E}[-\log C(y^g | G(z, y^g))]`. What constrains the critic
    leaves the classifier's own layer alone: it need not be Lipschitz.

    Parameters
    ----------
    generator, critic : callables
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
        Parameters of :class:`ConditionalGame`.

    See Also
    --------
    ConditionalGame : The critic gets the class as an input.
    skgal.generators.ACGAN : The estimator.

    References
    ----------
    A. Odena, C. Olah, J. Shlens, "Conditional image synthesis with auxiliary classifier GANs", ICML
    2017.

    M.-K. Xie, S.-J. Huang, "Learning class-conditional GANs with active sampling" (ALCG), KDD 2019,
    equations (1) to (5); Algorithm 1, lines 11 to 15; section 3.4.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import ACGAN
    >>> X, y = load_iris(return_X_y=True)
    >>> game = ACGAN(max_iter=5, random_state=0).fit(X, y).net_.trained_
    >>> type(game).__name__, game.classify(torch.zeros(2, 4)).shape
    ('AuxiliaryGame', torch.Size([2, 3]))
    """

    def __init__(
        self, generator, critic, *, classifier_weight=1.0, adversarial_sampling=1, **kwargs
    ):
        super().__init__(generator, critic, **kwargs)
        self.classifier_weight = classifier_weight
        self.adversarial_sampling = adversarial_sampling

    @property
    def constrained_critic(self):
        """The part of the critic that rates samples."""
        return self.critic.source

    def critic_batch(self, data, previous):
        """Return real samples and the most real-looking of the candidates that are generated."""
        real, labels = data.next()
        with torch.no_grad():
            latent, fake_labels, fake = self.choose(data)
            real, fake = self.augment(real, data.rng), self.augment(fake, data.rng)
        return data.batch(
            real=real, labels=labels, fake=fake, fake_labels=fake_labels, latent=latent
        )

    def generator_batch(self, data, previous):
        """Return what the critic was updated on last, generated again, with gradients."""
        fake = self.generate(previous.latent, previous.fake_labels)
        return previous._replace(fake=self.augment(fake, data.rng))

    def choose(self, data):
        """Generate candidates; return the most real-looking with their latents and classes."""
        latent, labels = self.draw_candidates(data, self.adversarial_sampling * data.batch_size)
        fake = self.generate(latent, labels)
        if len(fake) > data.batch_size:
            best = self.run(self.critic, fake).topk(data.batch_size).indices
            latent, labels, fake = latent[best], labels[best], fake[best]
        return latent, labels, fake

    def draw_candidates(self, data, n_samples):
        """Draw what is generated in the game: classes with their frequencies in the data."""
        return self.draw_inputs(data, n_samples)

    def critic_loss(self, batch):
        """Return the loss of critic and classifier, which learns from real samples only."""
        samples = torch.cat([batch.real, batch.fake])
        logits, class_logits = self.run(self.critic.rate_and_classify, samples)
        n_real = len(batch.real)
        loss = self.objective.critic_loss(logits[:n_real], logits[n_real:])
        loss = loss + self.penalty_loss(self.critic.source, batch.real, batch.fake, batch)
        return loss + self.classifier_weight * cross_entropy(class_logits[:n_real], batch.labels)

    def generator_loss(self, batch):
        """Return the generator's loss: to look real, and like its class."""
        real = None
        if self.objective.needs_real_logits:
            with torch.no_grad():
                real = self.run(self.critic, batch.real)
        logits, class_logits = self.run(self.critic.rate_and_classify, batch.fake)
        loss = self.objective_loss(logits, real)
        return loss + self.classifier_weight * cross_entropy(class_logits, batch.fake_labels)

    def classify(self, samples):
        """Return the logits of the classes of samples."""
        return self.critic.classify(samples)

    def classifier_features(self, samples):
        """Return what the layer that makes the logits of the classes sees."""
        return self.critic.features(samples)


class BalancingGame(AuxiliaryGame):
    r"""BAGAN: a softmax over the classes and one more for generated samples.

    Generated samples are of all classes alike, however rare. With the objective
    ``"nonsaturating"`` and weight 1 critic and generator minimise the cross-entropy of the
    softmax over all n_classes + 1: the critic for real samples of class k and for generated ones of
    "generated", the generator for generated ones of the class they were asked for.

    Parameters
    ----------
    generator, critic : callables
        Make the generator, a :class:`skgal.nn.ClassLatents`, and the critic, a
        :class:`skgal.nn.FakeClassCritic`; called without arguments.
    **kwargs
        Parameters of :class:`AuxiliaryGame`.

    See Also
    --------
    AuxiliaryGame : Real or not is a decision of its own.
    skgal.generators.BAGAN : The estimator.

    References
    ----------
    G. Mariani et al., "BAGAN: data augmentation with balancing GAN", 2018, section 4. There
    generated samples are one in n_classes + 1 of the critic's batch, as if they were a class like
    any; here they are half, as in every other game.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import BAGAN
    >>> X, y = load_iris(return_X_y=True)
    >>> bagan = BAGAN(max_iter=5, autoencoder_max_iter=5, random_state=0).fit(X, y)
    >>> game = bagan.net_.trained_
    >>> type(game).__name__, game.critic.classify(torch.zeros(2, 4)).shape
    ('BalancingGame', torch.Size([2, 3]))
    """

    @property
    def constrained_critic(self):
        """The critic but for its last layer, which has to tell the classes apart as well."""
        return self.critic.body

    def start_from(self, encoder, decoder, means, factors):
        """Start from an autoencoder, and from the distributions of its codes.

        Parameters
        ----------
        encoder, decoder : torch.nn.Module
            The first layers of the encoder become the critic's body, the decoder the generator.
        means : ndarray of shape (n_classes, latent_dim)
            Means of the classes' codes.
        factors : ndarray of shape (n_classes, latent_dim, latent_dim)
            Cholesky factors of their covariances.
        """
        self.generator.generator.load_state_dict(decoder.state_dict())
        self.generator.set_distributions(torch.from_numpy(means), torch.from_numpy(factors))
        copy_weights(encoder[0], self.critic.body)

    def draw_candidates(self, data, n_samples):
        """Draw latent points and classes, each class as often."""
        latent, n_classes = self.draw_latent(data, n_samples), len(self.generator.means)
        labels = torch.randint(n_classes, (n_samples,), generator=data.rng, device=latent.device)
        return latent, labels


class StackGame(ConditionalGame):
    """A conditional generator in stages against a critic at each of their resolutions.

    In a batch ``real`` and ``fake`` are lists of tensors, one a stage. Real samples are averaged
    down to the resolution of each stage; what is augmented, is augmented at each on its own. The
    critics are updated together, each by its own objective and penalties, and then the generator by
    the objectives of all stages. Both losses are means over the stages; Adam makes of them the
    steps that it makes of sums.

    Critics may compare the samples of a batch (:class:`skgal.nn.MinibatchCritic`), so real and
    generated samples pass through them apart, as Salimans et al. have it. A gradient penalty then
    bounds how a sample moves the sum of a batch's values, which is what the generator follows.

    Parameters
    ----------
    generator, critic : callables
        Make the :class:`skgal.nn.StackGenerator` and the :class:`skgal.nn.StackCritic`; called
        without arguments. All else is as in :class:`ConditionalGame`.

    See Also
    --------
    ConditionalGame : A single stage.
    skgal.generators.StackGAN : The estimator.

    References
    ----------
    H. Zhang et al., "StackGAN++: realistic image synthesis with stacked generative adversarial
    networks", TPAMI 2018, section 4.1.

    Y. Xue et al., "Selective synthetic augmentation with quality assurance", arXiv 2019, section
    3.1.

    T. Salimans et al., "Improved techniques for training GANs", NeurIPS 2016, section 3.2.

    Examples
    --------
    >>> import torch
    >>> from skgal.datasets import load_images
    >>> from skgal.generators import StackGAN
    >>> X, y = load_images("digits", return_X_y=True)
    >>> gan = StackGAN(latent_dim=2, max_iter=1, batch_size=8, random_state=0).fit(X[:50], y[:50])
    >>> game = gan.net_.trained_
    >>> [tuple(samples.shape) for samples in game.at_each_stage(torch.zeros(1, 1, 8, 8))]
    [(1, 1, 2, 2), (1, 1, 4, 4), (1, 1, 8, 8)]
    """

    def make_batch(self, data, *, with_real):
        """Draw samples of every stage, those generated with the classes of the real ones."""
        rows = data.next_rows()
        labels, latent = data.labels[rows], self.draw_latent(data)
        fake = self._augment_each(self.run(self.generator.samples, latent, labels), data.rng)
        real = None
        if with_real:
            real = self._augment_each(self.at_each_stage(data.samples[rows]), data.rng)
        return data.batch(real=real, labels=labels, fake=fake, fake_labels=labels, latent=latent)

    def critic_loss(self, batch):
        """Return the mean of the critics' losses."""
        losses = [
            self.penalized_loss(critic, real, fake, batch)
            for critic, real, fake in zip(self._critics(batch), batch.real, batch.fake, strict=True)
        ]
        return torch.stack(losses).mean()

    def generator_loss(self, batch):
        """Return the mean of the generator's losses."""
        reals = batch.real or [None] * len(batch.fake)
        losses = [
            self.adversarial_loss(critic, real, fake)
            for critic, fake, real in zip(self._critics(batch), batch.fake, reals, strict=True)
        ]
        return torch.stack(losses).mean()

    def penalized_loss(self, critic, real, fake, batch):
        """Return the loss of one critic, which gets real and generated samples apart."""
        loss = self.objective.critic_loss(self.run(critic, real), self.run(critic, fake))
        return loss + self.penalty_loss(critic, real, fake, batch)

    def at_each_stage(self, samples):
        """Return samples at the resolution of every stage, the coarsest first.

        Parameters
        ----------
        samples : torch.Tensor of shape (n, *shape)
            Samples at full resolution.

        Returns
        -------
        list of torch.Tensor
            A pixel is the mean of those it stands for. Rows of a table are the same everywhere.
        """
        return [
            samples if samples.shape[1:] == shape else adaptive_avg_pool2d(samples, shape[1:])
            for shape in self.generator.shapes
        ]

    def _critics(self, batch):
        return [GivenClasses(critic, batch.fake_labels) for critic in self.critic.stages]

    def _augment_each(self, samples, rng):
        return [self.augment(one, rng) for one in samples]
