"""Generators and classifiers of this room as functions that torch can differentiate."""

from skgal.engine import UserProba, UserSamples, register_differentiable
from skgal.exceptions import NotDifferentiableError
from skgal.generators._acgan import ACGAN
from skgal.generators._adversarial import AdversarialGenerator
from skgal.utils import DataLayout


@register_differentiable(AdversarialGenerator, "generate")
def _user_samples(generator):
    layout = _layout_of_numbers(generator)
    return UserSamples(generator.net_.generator_, layout, generator.net_.device)


@register_differentiable(ACGAN, "predict_proba")
def _user_proba(acgan):
    layout = _layout_of_numbers(acgan)
    return UserProba(acgan.net_.critic_.classify, layout, acgan.net_.device)


def _layout_of_numbers(generator):
    if not isinstance(generator.layout_, DataLayout):
        raise NotDifferentiableError(
            f"{type(generator).__name__} was fitted on a table with categories or gaps; between "
            "these and the networks there is no gradient."
        )
    return generator.layout_
