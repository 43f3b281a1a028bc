"""A skorch classifier that learns to predict its own losses."""

from contextlib import ExitStack
from copy import copy

import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.utils import to_numpy

from skgal.base import DocumentedMixin
from skgal.classifiers._nets import find_layers
from skgal.nn import LossPrediction
from skgal.objectives import pairwise_ranking_loss


class LossPredictionClassifier(DocumentedMixin, NeuralNetClassifier):
    r"""A skorch classifier with a head that predicts the loss of each sample.

    Head and network are trained together, on the mean loss of the classifier plus
    ``loss_weight`` times the ranking loss of the predictions. Afterwards
    :meth:`predict_loss` says, without labels, on which samples the classifier is likely to be
    wrong: that is what the strategy :class:`skgal.query.LearningLoss` asks for.

    Parameters
    ----------
    module : torch.nn.Module class or instance
        The classifier, with one output tensor; as for any skorch net.
    \*args : positional arguments
        As for :class:`skorch.NeuralNetClassifier`.
    criterion : class, default=torch.nn.CrossEntropyLoss
        A loss with a ``reduction``, which becomes ``"none"``: the loss of a batch is the mean
        of the samples', class weights or not.
    layers : list of str, default=None
        Names of the submodules whose outputs the head sees, as ``named_modules`` spells them.
        None: all hidden activations, each a module of its own.
    loss_width : int, default=128
        Units that the head maps each output to.
    margin : float, default=1.0
        Of the ranking loss, :math:`\xi`.
    loss_weight : float, default=1.0
        Weight of the ranking loss, :math:`\lambda`.
    detach_after : int, default=None
        Epochs after which the head no longer trains the layers below it; the paper's 120 of
        200. None: it always does.
    **kwargs
        Any other parameter of :class:`skorch.NeuralNetClassifier`.

    Attributes
    ----------
    module_ : torch.nn.Module
    loss_module_ : skgal.nn.LossPrediction

    See Also
    --------
    skgal.query.LearningLoss : Chooses by the predicted loss.
    skgal.nn.LossPrediction : The head.

    References
    ----------
    D. Yoo and I. S. Kweon, "Learning Loss for Active Learning", CVPR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skgal.classifiers import LossPredictionClassifier
    >>> from skgal.utils import seeded_torch
    >>> X = np.random.RandomState(0).normal(size=(20, 4)).astype(np.float32)
    >>> module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> net = LossPredictionClassifier(module, max_epochs=2, verbose=0)
    >>> with seeded_torch(0):  # nets draw from torch's global random state
    ...     losses = net.fit(X, (X[:, 0] > 0).astype(int)).predict_loss(X)
    >>> losses.shape
    (20,)
    """

    def __init__(
        self,
        module,
        *args,
        criterion=torch.nn.CrossEntropyLoss,
        layers=None,
        loss_width=128,
        margin=1.0,
        loss_weight=1.0,
        detach_after=None,
        **kwargs,
    ):
        super().__init__(module, *args, criterion=criterion, **kwargs)
        self.layers = layers
        self.loss_width = loss_width
        self.margin = margin
        self.loss_weight = loss_weight
        self.detach_after = detach_after

    def initialize_module(self):
        """Make the network and the head.

        Returns
        -------
        LossPredictionClassifier
            Itself.
        """
        super().initialize_module()
        n_outputs = len(find_layers(self.module_, self.layers))
        self.loss_module_ = LossPrediction(n_outputs, self.loss_width)
        return self

    def initialize_criterion(self):
        """Make the criterion, and make it give the loss of each sample.

        Returns
        -------
        LossPredictionClassifier
            Itself.
        """
        super().initialize_criterion()
        if not hasattr(self.criterion_, "reduction"):
            raise TypeError(
                "LossPredictionClassifier needs the loss of each sample, from a criterion with a "
                "reduction such as torch.nn.CrossEntropyLoss; "
                f"got {type(self.criterion_).__name__}."
            )
        self.criterion_ = copy(self.criterion_)  # which may be the user's own
        self.criterion_.reduction = "none"
        return self

    def infer(self, x, **fit_params):
        """Return the outputs of the network for a batch, and the predicted losses.

        Parameters
        ----------
        x : input data
            A batch, as the module takes it.
        **fit_params : dict
            Handed on to the network.

        Returns
        -------
        tuple (Tensor of shape (n, n_classes), Tensor of shape (n,))
            Outputs of the module, and the predicted loss of each sample.
        """
        outputs = []
        with ExitStack() as hooks:
            for layer in find_layers(self.module_, self.layers):
                hook = layer.register_forward_hook(lambda _, __, output: outputs.append(output))
                hooks.callback(hook.remove)
            prediction = super().infer(x, **fit_params)
        if self.detach_after is not None and len(self.history) > self.detach_after:
            outputs = [output.detach() for output in outputs]
        return prediction, self.loss_module_(outputs)

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        """Compute the loss of the classifier plus that of the predicted losses.

        Parameters
        ----------
        y_pred : tuple
            What :meth:`infer` returns.
        y_true : Tensor
            The classes of the batch.
        *args, **kwargs
            As for :class:`skorch.NeuralNetClassifier`.

        Returns
        -------
        Tensor, scalar
            What the training minimises.
        """
        prediction, predicted = y_pred
        losses = super().get_loss(prediction, y_true, *args, **kwargs)
        ranking = pairwise_ranking_loss(predicted, losses.detach(), self.margin)
        return losses.mean() + self.loss_weight * ranking

    def predict_loss(self, X):
        """Predict the loss of each sample, up to scale and shift: only the order counts.

        Parameters
        ----------
        X : array-like of n_samples samples
            What the net takes.

        Returns
        -------
        ndarray of shape (n_samples,), dtype float32
            Higher for samples on which the loss is larger.
        """
        return np.concatenate([to_numpy(losses) for _, losses in self.forward_iter(X)])
