"""The adversarial games of a generator in stages."""

import torch
from torch.nn.functional import adaptive_avg_pool2d

from skgal.nn import GivenClasses
from skgal.training._conditional import ConditionalGame


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
        without arguments.
    **kwargs
        Parameters of :class:`ConditionalGame`.

    References
    ----------
    H. Zhang et al., "StackGAN++: realistic image synthesis with stacked generative adversarial
    networks", TPAMI 2018, section 4.1.

    Y. Xue et al., "Selective synthetic augmentation with quality assurance", arXiv 2019, section
    3.1.

    T. Salimans et al., "Improved techniques for training GANs", NeurIPS 2016, section 3.2.
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
            self.loss_of(critic, real, fake, batch)
            for critic, real, fake in zip(self._critics(batch), batch.real, batch.fake, strict=True)
        ]
        return torch.stack(losses).mean()

    def generator_loss(self, batch):
        """Return the mean of the generator's losses."""
        reals = batch.real or [None] * len(batch.fake)
        losses = [
            self.generator_loss_by(critic, fake, real)
            for critic, fake, real in zip(self._critics(batch), batch.fake, reals, strict=True)
        ]
        return torch.stack(losses).mean()

    def loss_of(self, critic, real, fake, batch):
        """Return the loss of one critic on batches that it sees apart."""
        loss = self.objective.critic_loss(self.run(critic, real), self.run(critic, fake))
        return loss + self.penalty_loss(critic, real, fake, batch)

    def at_each_stage(self, samples):
        """Return samples at the resolution of every stage, the coarsest first.

        Parameters
        ----------
        samples : torch.Tensor of shape (n, *shape)

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
