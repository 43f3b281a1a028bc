"""The classes themselves; each derives from the built-in type a user would expect."""


class NonFiniteLossError(FloatingPointError):
    """A training loss became NaN or infinite; the networks are of no use from there on.

    Usual remedies: a smaller ``learning_rate``, another ``objective``, a ``penalty`` such as
    ``"gradient_penalty"``.
    """


class UniformUncertaintyWarning(UserWarning):
    """The model is equally sure of every candidate, so uncertainty cannot guide the design.

    The design then only explores: it fills the latent space evenly.
    """
