"""The contracts of skgal as checks that anyone can run on a class of their own."""

from skgal.testing._generator import check_generator, generator_checks
from skgal.testing._query_strategy import check_query_strategy, query_strategy_checks
from skgal.testing._resampler import check_resampler, resampler_checks

__all__ = [
    "check_generator",
    "check_query_strategy",
    "check_resampler",
    "generator_checks",
    "query_strategy_checks",
    "resampler_checks",
]
