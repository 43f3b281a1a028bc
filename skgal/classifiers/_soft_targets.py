"""Training skorch classifiers on class probabilities instead of classes."""

import numpy as np
import torch
from torch import nn


class SoftNLLLoss(nn.NLLLoss):
    r"""Negative log likelihood of classes or of class probabilities.

    For probabilities :math:`p`, class weights :math:`w` and log-probabilities :math:`x` the
    loss of a sample is :math:`-\sum_k w_k p_k x_k`. It is linear in :math:`p`: a row that sums
    to 2 counts twice. As in :class:`torch.nn.CrossEntropyLoss`, the mean over probabilities is
    the mean over samples, whatever the class weights.

    Parameters are those of :class:`torch.nn.NLLLoss`.

    Examples
    --------
    >>> import torch
    >>> from skgal.classifiers import SoftNLLLoss
    >>> log_proba = torch.tensor([[0.25, 0.75]]).log()
    >>> hard = SoftNLLLoss()(log_proba, torch.tensor([1]))
    >>> soft = SoftNLLLoss()(log_proba, torch.tensor([[0.0, 1.0]]))
    >>> bool(hard == soft)
    True
    """

    def forward(self, input, target):
        """Compute the loss.

        Parameters
        ----------
        input : Tensor of shape (n_samples, n_outputs)
            Log-probabilities.
        target : Tensor of shape (n_samples,) or (n_samples, n_classes)
            Classes as integers, or class probabilities as floats.

        Returns
        -------
        Tensor
        """
        if not target.is_floating_point():
            return super().forward(input, target)
        target = _widened(target, input.shape[1])
        if self.weight is not None:
            target = target * self.weight
        losses = -(target * input).sum(dim=1)
        return {"none": losses, "mean": losses.mean(), "sum": losses.sum()}[self.reduction]


class SoftCrossEntropyLoss(nn.CrossEntropyLoss):
    """Cross-entropy of classes or of class probabilities, for nets that output logits.

    :class:`torch.nn.CrossEntropyLoss`, except that probabilities may lack the last columns: a
    class that nobody has seen yet has probability 0.

    Parameters are those of :class:`torch.nn.CrossEntropyLoss`.
    """

    def forward(self, input, target):
        """Compute the loss.

        Parameters
        ----------
        input : Tensor of shape (n_samples, n_outputs)
            Logits.
        target : Tensor of shape (n_samples,) or (n_samples, n_classes)
            Classes as integers, or class probabilities as floats.

        Returns
        -------
        Tensor
        """
        if target.is_floating_point():
            target = _widened(target, input.shape[1])
        return super().forward(input, target)


def accept_soft_targets(net):
    """Make a skorch classifier train on class probabilities, one row for each sample.

    Its criterion becomes one for probabilities; a stratified ``train_split`` is stratified by
    the most probable classes; the default ``valid_acc``, an accuracy that only classes have,
    goes. All else stays, callbacks of the user's own included.

    Parameters
    ----------
    net : skorch.NeuralNetClassifier
        Changed in place; not fitted yet.

    Raises
    ------
    TypeError
        If the net's criterion knows no class probabilities.
    """
    net.set_params(**_soft_criterion(net))
    if net.train_split:
        net.set_params(train_split=MostProbableClassSplit(net.train_split))
    if net.callbacks != "disable" and "callbacks__valid_acc" in net.get_params():
        net.set_params(callbacks__valid_acc=None)


def weighted_targets(proba, sample_weight=None):
    """Scale class probabilities so that a sample's loss has its weight.

    Cross-entropy is linear in its target. Weights are normalised to a mean of 1, so that the
    learning rate means what it meant without them.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
    sample_weight : ndarray of shape (n_samples,), default=None

    Returns
    -------
    ndarray of shape (n_samples, n_classes), dtype float32
    """
    if sample_weight is not None:
        proba = proba * (sample_weight / np.mean(sample_weight))[:, np.newaxis]
    return np.asarray(proba, dtype=np.float32)


class MostProbableClassSplit:
    """A skorch ``train_split`` that sees the most probable class of each sample.

    Parameters
    ----------
    split : callable
        Such as ``skorch.dataset.ValidSplit``.
    """

    def __init__(self, split):
        self.split = split

    def __call__(self, dataset, y=None, **fit_params):
        """Split a data set.

        Parameters
        ----------
        dataset : torch.utils.data.Dataset
        y : array-like of shape (n_samples, n_classes), default=None
            Class probabilities.
        **fit_params : dict
            Handed on, ``groups`` for example.

        Returns
        -------
        train, valid : torch.utils.data.Dataset
        """
        most_probable = None if y is None else np.asarray(y).argmax(axis=1)
        return self.split(dataset, most_probable, **fit_params)


def _soft_criterion(net):
    """Parameters of the net that make its criterion one for class probabilities."""
    criterion = net.criterion
    cls = criterion if isinstance(criterion, type) else type(criterion)
    if issubclass(cls, SoftNLLLoss | SoftCrossEntropyLoss):
        return {}
    soft_cls = {nn.NLLLoss: SoftNLLLoss, nn.CrossEntropyLoss: SoftCrossEntropyLoss}.get(cls)
    if soft_cls is None:
        raise TypeError(
            "Soft or weighted labels need a criterion that takes class probabilities: "
            "torch.nn.CrossEntropyLoss, torch.nn.NLLLoss, or your own subclass of "
            f"skgal.classifiers.SoftNLLLoss or SoftCrossEntropyLoss; got {cls.__name__}. Change "
            "the net's criterion, or use hard labels and synthetic_weight=1."
        )
    if criterion is cls or net.get_params_for("criterion"):
        return {"criterion": soft_cls}
    # skorch takes a new criterion as a class only, so an instance's parameters move to the net.
    names = ("weight", *criterion.__constants__)
    return {
        "criterion": soft_cls,
        **{f"criterion__{name}": getattr(criterion, name) for name in names},
    }


def _widened(target, n_outputs):
    """Add columns of zeros for outputs whose classes aren't known yet."""
    n_classes = target.shape[1]
    if n_classes > n_outputs:
        raise ValueError(
            f"The labels have {n_classes} classes, but the net has {n_outputs} outputs; give its "
            "module one output for each class, or number the classes from 0."
        )
    if n_classes == n_outputs:
        return target
    return torch.nn.functional.pad(target, (0, n_outputs - n_classes))
