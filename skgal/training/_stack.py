"""The adversarial games of a generator in stages."""

import torch
from torch.nn.functional import adaptive_avg_pool2d

from skgal.nn import GivenClasses
from skgal.training._conditional import ConditionalNet


class StackNet(ConditionalNet):
    """A conditional generator in stages against a critic at each of their resolutions.

    Real samples are averaged down to the resolution of each stage; what is augmented, is augmented
    at each on its own. The critics are updated together, each by its own objective and penalties,
    and then the generator by the objectives of all stages. Both losses are means over the stages;
    Adam makes of them the steps that it makes of sums.

    Critics may compare the samples of a batch (:class:`skgal.nn.MinibatchCritic`), so real and
    generated samples pass through them apart, as Salimans et al. have it. A gradient penalty then
    bounds how a sample moves the sum of a batch's values, which is what the generator follows.

    Parameters
    ----------
    module, critic : callables
        Make the :class:`skgal.nn.StackGenerator` and the :class:`skgal.nn.StackCritic`; called
        without arguments.
    **kwargs
        Parameters of :class:`ConditionalNet`.

    References
    ----------
    .. [1] Zhang et al., "StackGAN++: Realistic Image Synthesis with Stacked Generative Adversarial
       Networks", 2018, section 4.1.
    .. [2] Selective augmentation, section 3.1.
    .. [3] Salimans et al., "Improved Techniques for Training GANs", 2016, section 3.2.
    """

    def critic_step(self, batch):
        """Update the critics on real samples and generated ones of their classes."""
        real, labels = batch
        with torch.no_grad():
            fakes = self.run(self.module_.samples, self.draw_latent(), labels)
        reals = self.at_each_stage(real)
        loss = self.critic_loss(self._augment_each(reals), self._augment_each(fakes), labels)
        return self.update_critic(loss)

    def generator_step(self):
        """Update the generator on classes drawn from the training frequencies."""
        latent, labels = self.draw_inputs()
        fakes = self.run(self.module_.samples, latent, labels)
        return self.update_generator(self.generator_loss(self._augment_each(fakes), labels))

    def critic_loss(self, real, fake, labels):
        """Return the mean of the critics' losses; samples come as lists, stage by stage."""
        losses = [
            self.adversarial_loss(GivenClasses(critic, labels), one_real, one_fake)
            for critic, one_real, one_fake in zip(self.critic_.stages, real, fake, strict=True)
        ]
        return torch.stack(losses).mean()

    def generator_loss(self, fake, labels):
        """Return the mean of the generator's losses; samples come as a list, stage by stage."""
        losses = [
            self.objective.generator_loss(self.run(critic, one_fake, labels))
            for critic, one_fake in zip(self.critic_.stages, fake, strict=True)
        ]
        return torch.stack(losses).mean()

    def adversarial_loss(self, critic, real, fake):
        """Return what one critic loses on batches that it sees apart: objective and penalties."""
        loss = self.objective.critic_loss(self.run(critic, real), self.run(critic, fake))
        return loss + self.penalty_loss(critic, real, fake)

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
            for shape in self.module_.shapes
        ]

    def _augment_each(self, samples):
        return [self.augment(one) for one in samples]
