"""Learning a code from which samples can be restored."""

from torch import nn
from torch.nn.functional import mse_loss

from skgal.nn import torch_generator
from skgal.training._batches import TensorBatches
from skgal.training._update_net import UpdateNet


class ReconstructionNet(UpdateNet):
    """An encoder and a decoder, fitted together by the mean squared error of reconstruction.

    Parameters
    ----------
    module, decoder : callables
        Make the encoder and the decoder; called without arguments.
    batch_size : int, default=64
    **kwargs
        Parameters of :class:`UpdateNet`.

    Attributes
    ----------
    module_, decoder_ : torch.nn.Module

    References
    ----------
    ASAL, section 3.2.
    """

    stateful = ("batches_",)

    def __init__(self, module, *, decoder, batch_size=64, **kwargs):
        self.decoder = decoder
        super().__init__(module, batch_size=batch_size, **kwargs)

    def initialize_module(self):
        """Make encoder and decoder."""
        self.module_ = self.module()
        self.decoder_ = self.decoder()
        return self

    def initialize_optimizer(self, triggered_directly=None):
        """Make one optimizer for both."""
        self.optimizer_ = self.make_optimizer(self._both())
        return self

    def start(self, data, labels=None):
        """Prepare the batches."""
        self.module_.train()
        self.decoder_.train()
        rng = torch_generator(self.seed, self.device)
        self.batches_ = TensorBatches(data, self.batch_size, rng)

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Fit, then leave both networks ready for use."""
        super().fit_loop(X, y)
        self.batches_ = None
        self.module_.eval()
        self.decoder_.eval()
        return self

    def train_step(self):
        """Update encoder and decoder on a batch."""
        samples = self.batches_.next()
        codes = self.run(self.module_, samples)
        loss = mse_loss(self.run(self.decoder_, codes), samples)
        self.apply_gradients(self._both(), self.optimizer_, loss)
        return {"reconstruction_loss": loss.detach()}

    def _both(self):
        return nn.ModuleList([self.module_, self.decoder_])
