"""
A mixed table, synthesised and checked
======================================

:class:`~skgal.generators.CGAN` learns a table with numbers, categories, booleans and gaps as it is,
and returns one like it. :func:`~skgal.metrics.compare_tables` says whether it is good enough to
work with, and whether rows were copied.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skgal import CGAN, compare_tables
from skgal.inspection import TableDisplay

rng = np.random.default_rng(0)
n = 3000
age = rng.gamma(9, 5, n).clip(18, 90).round()
job = np.where(age > 63, "retired", rng.choice(["office", "craft", "care"], n, p=[0.5, 0.3, 0.2]))
income = np.exp(rng.normal(7.3, 0.35, n) + 0.012 * np.minimum(age, 60) + 0.3 * (job == "office"))
children = rng.poisson(np.clip((age - 20) / 20, 0.05, 1.8))
owner = rng.random(n) < 1 / (1 + np.exp(-(np.log(income) - 8.1) * 3))
people = pd.DataFrame(
    {
        "age": age.astype(int),
        "job": pd.Categorical(job),
        "income": np.where(rng.random(n) < 0.08, np.nan, income.round(-1)),
        "children": children,
        "owner": owner,
    }
)
buys = np.where(rng.random(n) < 0.15 + 0.6 * owner, "yes", "no")
train, held_out = people[:2000], people[2000:]

# %%
# Which columns are categories follows from their dtypes. The classes are drawn as asked.

cgan = CGAN(max_iter=800, random_state=0).fit(train, buys[:2000])
synthetic, answers = cgan.sample(2000, y=buys[:2000], random_state=0)
synthetic.head(3)

# %%
# ``value`` is the synthetic table's, ``reference`` what held-out real rows reach.

report = compare_tables(
    train.assign(buys=buys[:2000]),
    synthetic.assign(buys=answers),
    held_out=held_out.assign(buys=buys[2000:]),
    target="buys",
)
report

# %%
# Marginals above, associations below: how columns hang together is what simple generators miss.

TableDisplay.from_tables(train.assign(buys=buys[:2000]), synthetic.assign(buys=answers))
plt.show()
