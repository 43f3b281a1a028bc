"""Generators that are trained against a critic, as functions that torch can differentiate."""

from skgal.differentiable import UserProba, UserSamples, register_differentiable
from skgal.exceptions import NotDifferentiableError
from skgal.generators._adversarial import AdversarialGenerator
from skgal.generators._conditional import ClassifyingMixin


@register_differentiable(AdversarialGenerator, "generate")
def _user_samples(generator):
    layout = _layout_of_numbers(generator)
    return UserSamples(generator.net_.trained_.generator, layout, generator.net_.device)


@register_differentiable(ClassifyingMixin, "predict_proba")
def _user_proba(generator):
    layout = _layout_of_numbers(generator)
    return UserProba(generator.net_.trained_.classify, layout, generator.net_.device)


def _layout_of_numbers(generator):
    if generator.layout_.affine is None:
        raise NotDifferentiableError(
            f"{type(generator).__name__} was fitted on a table with categories or gaps; between "
            "these and the networks there is no gradient."
        )
    return generator.layout_
