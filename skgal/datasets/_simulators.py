"""Simulators of engineering: some labelled designs, and an oracle that labels any other at once.

This file holds what all simulators share, then those whose designs are tables: a reactor, a truss,
a power line whose solver fails in a part of the space, a shield whose answers are noisy. Those
whose designs are images are in ``_simulators_images.py``.
"""

from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import Bunch

from skgal.utils import Interval, StrOptions, as_random_state, draw_seed, validate_params

SIMULATOR_PARAMETERS = {
    "n_samples": [Interval(Integral, 1, None, closed="left")],
    "n_test": [Interval(Integral, 0, None, closed="left")],
    "task": [StrOptions({"class", "value", "values"})],
    "random_state": ["random_state"],
}


class Simulation(NamedTuple):
    """What to know of a simulator: how designs are drawn, how one is computed, what it means.

    ``draw(rng, n)`` gives designs, ``solve(X)`` their outputs (n, n_outputs), a row of NaN where
    the solver failed; ``truth(X)`` the outputs without noise, if they have any. A design is of
    the class that tells how many ``thresholds`` its first output reaches.
    """

    draw: Any
    solve: Any
    thresholds: tuple
    features: tuple  # of (name, unit)
    outputs: tuple  # of (name, unit)
    classes: tuple
    truth: Any = None


class SimulatorOracle:
    """The callable of a simulator: answers about a batch of designs, or about one.

    Parameters
    ----------
    simulation : Simulation
    task : {"class", "value", "values"}
    sample_shape : tuple of int
        The shape of one design.
    """

    def __init__(self, simulation, task, sample_shape):
        self.simulation = simulation
        self.task = task
        self.sample_shape = sample_shape
        if task == "class":
            self.classes_ = np.arange(len(simulation.classes))

    def __repr__(self):
        outputs = [name for name, _ in self.simulation.outputs]
        return f"{type(self).__name__}(task={self.task!r}, outputs={outputs})"

    def __call__(self, X, **options):
        r"""Compute designs.

        Parameters
        ----------
        X : array-like of shape (n_samples, \*sample_shape) or sample_shape
        **options
            What the solver takes besides, such as ``replicate`` where answers are noisy.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs), or that of the one design

        Raises
        ------
        ValueError
            If the designs have another shape, or values with no physical meaning.
        RuntimeError
            If the solver fails on any of them.
        """
        X = np.asarray(X, dtype=np.float64)
        is_one = X.shape == self.sample_shape
        batch = X[np.newaxis] if is_one else X
        if batch.shape[1:] != self.sample_shape:
            raise ValueError(
                f"A design of this simulator has shape {self.sample_shape}; got an array of shape "
                f"{X.shape}."
            )
        if not np.all((batch >= 0) & (batch < np.inf)):
            raise ValueError("All values of a design must be finite and not below 0.")
        outputs = self.simulation.solve(batch, **options)
        failed = np.flatnonzero(np.isnan(outputs).any(axis=1))
        if failed.size:
            raise RuntimeError(
                f"The solver found no solution for {failed.size} of {len(batch)} designs, the "
                f"first of them at row {failed[0]}."
            )
        answers = self.answers(outputs)
        return answers[0] if is_one else answers

    def answers(self, outputs):
        """Turn outputs into what the task asks for."""
        if self.task == "values":
            return outputs
        value = outputs[:, 0]
        if self.task == "value":
            return value
        return np.searchsorted(self.simulation.thresholds, value, side="right")


def simulate(simulation, description, n_samples, n_test, task, random_state):
    """Draw designs for training and testing, compute them, and bundle them with the oracle."""
    rng = as_random_state(random_state)
    X, outputs = _solved_designs(simulation, simulation.solve, n_samples, draw_seed(rng))
    truth = simulation.truth or simulation.solve
    X_test, outputs_test = _solved_designs(simulation, truth, n_test, draw_seed(rng))
    oracle = SimulatorOracle(simulation, task, X.shape[1:])
    return Bunch(
        X=X,
        y=oracle.answers(outputs),
        oracle=oracle,
        X_test=X_test,
        y_test=oracle.answers(outputs_test),
        feature_names=[name for name, _ in simulation.features],
        units=[unit for _, unit in simulation.features],
        output_names=[name for name, _ in simulation.outputs],
        output_units=[unit for _, unit in simulation.outputs],
        target_names=list(simulation.classes) if task == "class" else None,
        DESCR=description,
    )


def _solved_designs(simulation, solve, n_samples, seed):
    """Draw designs until n_samples of them could be computed."""
    rng = np.random.RandomState(seed)
    X = simulation.draw(rng, n_samples)
    outputs = solve(X)
    while True:
        solved = ~np.isnan(outputs).any(axis=1)
        X, outputs = X[solved], outputs[solved]
        if len(X) == n_samples:
            return X, outputs
        more = simulation.draw(rng, n_samples - len(X))
        X = np.concatenate([X, more])
        outputs = np.concatenate([outputs, solve(more)])


def _correlated_normal(rng, n_samples, correlations, n_features):
    """Draw standard normal numbers of which some pairs are correlated: {(i, j): correlation}."""
    covariance = np.eye(n_features)
    for (i, j), correlation in correlations.items():
        covariance[i, j] = covariance[j, i] = correlation
    # Not multivariate_normal: its SVD may differ in sign from one LAPACK to the next.
    return rng.standard_normal((n_samples, n_features)) @ np.linalg.cholesky(covariance).T


# ---------------------------------------------------------------------------------- reactor

_GAS_CONSTANT = 8.314  # J / (mol K)
_HEAT_CAPACITY = 3.6e6  # J / (m3 K), of the mixture
_REACTION_HEAT = 1.2e5  # J / mol, released
_FREQUENCY = 5e9  # 1 / s
_BATCH_SECONDS = 4 * 3600.0
_PEAK_LIMIT = 400.0  # K


def _draw_reactors(rng, n_samples):
    z = _correlated_normal(rng, n_samples, {(0, 4): 0.6, (1, 2): 0.7, (2, 3): -0.4}, 5)
    return np.column_stack(
        [
            3.5 * np.exp(0.25 * z[:, 0]),  # who works with more concentrated batches cools harder
            335 + 8 * z[:, 1],
            330 + 8 * z[:, 2],
            84 + 1.2 * z[:, 3],
            14_000 * np.exp(0.4 * z[:, 4]),
        ]
    )


def solve_reactor(X):
    """Peak temperature (K) and final conversion of batch reactors, (n, 2)."""
    # A fourth-order Rosenbrock method (Kaps and Rentrop 1979, Shampine's coefficients) with a step
    # size for each design: runaways are stiff, and thousands of designs are integrated at once.
    concentration, initial, coolant, energy, cooling = X.T
    rise = _REACTION_HEAT * concentration * 1e3 / _HEAT_CAPACITY  # K, if nothing is cooled
    rate_cooling = cooling / _HEAT_CAPACITY
    activation = energy * 1e3 / _GAS_CONSTANT

    def slope(y, rows):
        rate = _FREQUENCY * np.exp(-activation[rows] / y[1]) * (1 - y[0])
        return np.stack([rate, rise[rows] * rate - rate_cooling[rows] * (y[1] - coolant[rows])])

    y = np.stack([np.zeros(len(X)), initial])  # conversion, temperature
    peak = np.array(initial)
    time, step = np.zeros(len(X)), np.full(len(X), 1.0)
    rows = np.arange(len(X))  # those that are not through yet
    while rows.size:
        at, h = y[:, rows], np.minimum(step[rows], _BATCH_SECONDS - time[rows])
        f0 = slope(at, rows)
        by_temperature = f0[0] * activation[rows] / at[1] ** 2
        by_conversion = -_FREQUENCY * np.exp(-activation[rows] / at[1])
        # The matrix 2 / h - J of each design
        a, b = 2 / h - by_conversion, -by_temperature
        c = -rise[rows] * by_conversion
        d = 2 / h - rise[rows] * by_temperature + rate_cooling[rows]
        inverse = np.array([[d, -b], [-c, a]]) / (a * d - b * c)
        g1 = _apply(inverse, f0)
        f1 = slope(at + 2 * g1, rows)
        g2 = _apply(inverse, f1 - 8 * g1 / h)
        f2 = slope(at + (48 * g1 + 6 * g2) / 25, rows)
        g3 = _apply(inverse, f2 + (372 * g1 / 25 + 12 * g2 / 5) / h)
        g4 = _apply(inverse, f2 - (112 * g1 / 125 + 54 * g2 / 125 + 2 * g3 / 5) / h)
        new = at + 19 * g1 / 9 + g2 / 2 + 25 * g3 / 108 + 125 * g4 / 108
        error = np.abs(17 * g1 / 54 + 7 * g2 / 36 + 125 * g4 / 108) / [[1e-6], [1e-3]]
        error = np.maximum(error.max(axis=0), 1e-6)
        accepted = error <= 1
        step[rows] = h * np.clip(0.9 * error ** np.where(accepted, -0.25, -1 / 3), 0.2, 2.0)
        done = rows[accepted]
        f_new = slope(new, rows)
        top = _highest_between(at[1], new[1], f0[1], f_new[1], h)
        peak[done] = np.maximum(peak[done], top[accepted])
        y[:, done] = new[:, accepted]
        time[done] += h[accepted]
        rows = rows[time[rows] < _BATCH_SECONDS * (1 - 1e-12)]
    return np.column_stack([peak, y[0]])


def _apply(matrices, vectors):
    """Multiply a matrix and a vector for each design, whose axis is the last."""
    return np.einsum("ijn,jn->in", matrices, vectors)


def _highest_between(left, right, slope_left, slope_right, width):
    """The largest value of the cubic through two points with two slopes."""
    # p(s) = left + s (m + s (q + s r)) with s in [0, 1]
    m = slope_left * width
    q = 3 * (right - left) - 2 * m - slope_right * width
    r = m + slope_right * width - 2 * (right - left)
    # The maximum's place, by the formula that doesn't divide by a small r.
    root = np.sqrt(np.maximum(q**2 - 3 * r * m, 0))
    bottom = root - q
    place = np.divide(m, bottom, out=np.zeros_like(m), where=bottom > 0)
    place = np.clip(place, 0, 1)
    inside = left + place * (m + place * (q + place * r))
    return np.maximum(np.maximum(left, right), inside)


_REACTOR = Simulation(
    draw=_draw_reactors,
    solve=solve_reactor,
    thresholds=(_PEAK_LIMIT,),
    features=(
        ("initial concentration", "mol/l"),
        ("initial temperature", "K"),
        ("coolant temperature", "K"),
        ("activation energy", "kJ/mol"),
        ("cooling", "W/(m3 K)"),
    ),
    outputs=(("peak temperature", "K"), ("final conversion", "1")),
    classes=("controlled", "runaway"),
)


@validate_params(SIMULATOR_PARAMETERS, prefer_skip_nested_validation=True)
def make_reactor(n_samples=60, *, n_test=5000, task="class", random_state=None):
    """Simulate batch reactors with an exothermic reaction, whose temperature may run away.

    A first-order reaction A -> B of heat 120 kJ/mol in a stirred, cooled tank:

        dx/dt = k(T) (1 - x),   k(T) = 5e9/s exp(-E / (R T)),
        dT/dt = dT_ad k(T) (1 - x) - U (T - T_c) / (rho c_p),   dT_ad = 120 kJ/mol c_0 / (rho c_p),

    with rho c_p = 3.6 MJ/(m3 K), over a batch of four hours. Designs are correlated as in
    practice: who works with concentrated batches cools harder, warm coolant goes with a warm
    start.

    Parameters
    ----------
    n_samples : int, default=60
        The given designs.
    n_test : int, default=5000
        Designs to score on, of the same distribution; they don't depend on ``n_samples``.
    task : {"class", "value", "values"}, default="class"
        ``"class"`` labels 1, a runaway, where the temperature reaches 400 K, else 0. ``"value"``
        is the highest temperature in K; ``"values"`` that and the conversion at the end.
    random_state : int, RandomState instance or None, default=None
        Decides the designs.

    Returns
    -------
    Bunch
        ``X`` of shape (n_samples, 5), float64: initial concentration (mol/l), initial and coolant
        temperature (K), activation energy (kJ/mol), cooling power (W/(m3 K)); ``y``; ``oracle``,
        a picklable callable for a batch of designs or for one; ``X_test`` and ``y_test``;
        ``feature_names`` and ``units``; ``output_names`` and ``output_units``; ``target_names``;
        ``DESCR``.

    See Also
    --------
    make_truss : Six variables, three classes.
    skgal.active.CallableOracle : A simulator of your own.

    References
    ----------
    Semenov, Zur Theorie des Verbrennungsprozesses, Zeitschrift fuer Physik 48, 1928. Varma,
    Morbidelli and Wu, Parametric Sensitivity in Chemical Systems, Cambridge 1999, chapter 3.

    Examples
    --------
    >>> from skgal.datasets import make_reactor
    >>> reactors = make_reactor(random_state=0)
    >>> reactors.X.shape, reactors.X_test.shape
    ((60, 5), (5000, 5))
    >>> hot = [[6.0, 340.0, 335.0, 82.0, 3000.0]]
    >>> reactors.oracle(hot).tolist()
    [1]
    """
    return simulate(_REACTOR, make_reactor.__doc__, n_samples, n_test, task, random_state)


# ------------------------------------------------------------------------------------ truss

_STEEL = 210e3  # N / mm2, Young's modulus


def _draw_trusses(rng, n_samples):
    z = _correlated_normal(rng, n_samples, {(0, 3): 0.7, (1, 2): 0.5, (2, 4): 0.3}, 6)
    return np.column_stack(
        [
            100 * np.exp(0.5 * z[:, 0]),  # under larger loads there are thicker bars
            1500 * np.exp(0.35 * z[:, 1]),
            800 * np.exp(0.25 * z[:, 2]),
            60 * np.exp(0.22 * z[:, 3]),
            3.5 * np.exp(0.15 * z[:, 4]),
            255 * np.exp(0.1 * z[:, 5]),
        ]
    )


def solve_truss(X):
    """Safety margin and deflection of the apex (mm) of two-bar trusses, (n, 2)."""
    load, half_span, height, diameter, wall, yield_strength = X.T
    length = np.hypot(half_span, height)
    area = np.pi * diameter * wall
    stress = 1e3 * load * length / (2 * height * area)
    buckling = np.pi**2 * _STEEL * (diameter**2 + wall**2) / (8 * length**2)
    margin = np.log(np.minimum(yield_strength, buckling) / stress)
    deflection = stress * length**2 / (_STEEL * height)
    return np.column_stack([margin, deflection])


_TRUSS = Simulation(
    draw=_draw_trusses,
    solve=solve_truss,
    thresholds=(0.0,),
    features=(
        ("load", "kN"),
        ("half span", "mm"),
        ("height", "mm"),
        ("tube diameter", "mm"),
        ("wall thickness", "mm"),
        ("yield strength", "N/mm2"),
    ),
    outputs=(("safety margin", "1"), ("apex deflection", "mm")),
    classes=("fails", "holds"),
)


@validate_params(SIMULATOR_PARAMETERS, prefer_skip_nested_validation=True)
def make_truss(n_samples=60, *, n_test=5000, task="class", random_state=None):
    """Simulate two-bar trusses of steel tubes under a load at the apex: they hold, yield or buckle.

    A bar of length L = sqrt(B^2 + H^2), mean diameter d and wall t carries the stress

        sigma = P L / (2 H pi d t);

    it yields at sigma_y, and buckles at pi^2 E (d^2 + t^2) / (8 L^2), E = 210 kN/mm2. The safety
    margin is the logarithm of the lower of the two over sigma.

    Parameters
    ----------
    n_samples : int, default=60
        The given designs.
    n_test : int, default=5000
        Designs to score on, of the same distribution; they don't depend on ``n_samples``.
    task : {"class", "value", "values"}, default="class"
        ``"class"`` labels 1 where the truss holds, else 0. ``"value"`` is the safety margin;
        ``"values"`` that and the deflection of the apex in mm.
    random_state : int, RandomState instance or None, default=None
        Decides the designs.

    Returns
    -------
    Bunch
        ``X`` of shape (n_samples, 6), float64: load (kN), half span, height, tube diameter, wall
        thickness (mm), yield strength (N/mm2); else as :func:`make_reactor`.

    See Also
    --------
    make_reactor : Five variables, two classes.
    skgal.active.CallableOracle : A simulator of your own.

    References
    ----------
    Fox, Optimization Methods for Engineering Design, Addison-Wesley 1971, section 1.2.

    Examples
    --------
    >>> from skgal.datasets import make_truss
    >>> trusses = make_truss(task="values", random_state=0)
    >>> margin, deflection = trusses.oracle([100.0, 1500.0, 800.0, 60.0, 3.0, 250.0])
    >>> round(float(margin), 3), round(float(deflection), 2)
    (0.286, 3.23)
    """
    return simulate(_TRUSS, make_truss.__doc__, n_samples, n_test, task, random_state)


# ----------------------------------------------------------------------------------- feeder

_NEWTON_STEPS = 30
_LOWEST_VOLTAGE = 18.0  # kV, nine tenths of 20


def _draw_feeders(rng, n_samples):
    z = _correlated_normal(rng, n_samples, {(2, 3): 0.6, (1, 5): 0.4, (3, 5): 0.4}, 6)
    return np.column_stack(
        [
            20.3 + 0.3 * z[:, 0],
            11 * np.exp(0.3 * z[:, 1]),
            110 * np.exp(0.3 * z[:, 2]),  # thick wires go to large loads
            11 * np.exp(0.6 * z[:, 3]),
            0.62 * np.exp(0.3 * z[:, 4]),
            2.0 * np.exp(0.5 * z[:, 5]),
        ]
    )


def feeder_circuit(X):
    """Source voltage (kV), impedance (Ohm), complex load (MVA) and capacitor (S) of feeders."""
    source, length, area, load, reactive, rating = X.T
    impedance = length * (28.3 / area + 0.35j)
    return source, impedance, load * (1 + 1j * reactive), rating / 20.0**2


def solve_feeder(X):
    """Voltage at the load (kV) and losses (MW) of feeders, (n, 2); NaN where Newton diverges."""
    source, impedance, load, capacitor = feeder_circuit(X)
    admittance = 1 / impedance
    g, b = admittance.real, admittance.imag
    voltage, angle = source.copy(), np.zeros(len(X))
    with np.errstate(all="ignore"):  # where it diverges
        for _ in range(_NEWTON_STEPS):
            sine, cosine = np.sin(angle), np.cos(angle)
            along, across = g * cosine + b * sine, g * sine - b * cosine
            active = g * voltage**2 - source * voltage * along + load.real
            reactive = -(b + capacitor) * voltage**2 - source * voltage * across + load.imag
            # Derivatives of (active, reactive) by (angle, voltage)
            p_angle, p_voltage = source * voltage * across, 2 * g * voltage - source * along
            q_angle = -source * voltage * along
            q_voltage = -2 * (b + capacitor) * voltage - source * across
            determinant = p_angle * q_voltage - p_voltage * q_angle
            angle = angle - (q_voltage * active - p_voltage * reactive) / determinant
            voltage = voltage - (p_angle * reactive - q_angle * active) / determinant
        current = np.abs(admittance * (source - voltage * np.exp(1j * angle)))
        solved = np.hypot(active, reactive) < 1e-8 * np.abs(load)
    outputs = np.column_stack([voltage, current**2 * impedance.real])
    outputs[~solved] = np.nan
    return outputs


_FEEDER = Simulation(
    draw=_draw_feeders,
    solve=solve_feeder,
    thresholds=(_LOWEST_VOLTAGE,),
    features=(
        ("source voltage", "kV"),
        ("line length", "km"),
        ("conductor area", "mm2"),
        ("load", "MW"),
        ("reactive share", "1"),
        ("capacitor", "Mvar"),
    ),
    outputs=(("load voltage", "kV"), ("losses", "MW")),
    classes=("too low", "normal"),
)


@validate_params(SIMULATOR_PARAMETERS, prefer_skip_nested_validation=True)
def make_feeder(n_samples=60, *, n_test=5000, task="class", random_state=None):
    """Simulate power lines with a load at their end, by a solver that fails on a fifth of them.

    Newton's method looks for the voltage V at the load (20 kV nominal, aluminium wires, a
    capacitor beside the load). Beyond the line's maximal load there is none: the voltage
    collapses, and the iteration diverges. The voltage satisfies

        V^4 + (2 (P R + Q X) - E^2) V^2 + (P^2 + Q^2) (R^2 + X^2) = 0,

    once the capacitor is seen as part of the source; this is what it is tested against.

    Parameters
    ----------
    n_samples : int, default=60
        The given designs: such as could be computed, about four fifths of those drawn.
    n_test : int, default=5000
        Designs to score on, of the same distribution; they don't depend on ``n_samples``.
    task : {"class", "value", "values"}, default="class"
        ``"class"`` labels 1 where the voltage is at least 18 kV, else 0. ``"value"`` is the
        voltage in kV; ``"values"`` that and the losses in MW.
    random_state : int, RandomState instance or None, default=None
        Decides the designs.

    Returns
    -------
    Bunch
        ``X`` of shape (n_samples, 6), float64: source voltage (kV), length (km), conductor area
        (mm2), load (MW), reactive over active load, capacitor (Mvar); else as
        :func:`make_reactor`. ``oracle`` raises a RuntimeError if the solver fails on a design,
        so that it is to be asked one by one:
        ``CallableOracle(feeders.oracle, on_error="decline")``.

    See Also
    --------
    make_truss : Never fails.
    skgal.active.CallableOracle : A simulator of your own, and its failures.

    References
    ----------
    Van Cutsem and Vournas, Voltage Stability of Electric Power Systems, Springer 1998, chapter 2.

    Examples
    --------
    >>> from skgal.datasets import make_feeder
    >>> feeders = make_feeder(random_state=0)
    >>> design = [20.0, 10.0, 120.0, 5.0, 0.5, 2.0]
    >>> int(feeders.oracle(design))
    1
    >>> design[3] = 50.0  # MW
    >>> feeders.oracle(design)
    Traceback (most recent call last):
        ...
    RuntimeError: The solver found no solution for 1 of 1 designs, the first of them at row 0.
    """
    return simulate(_FEEDER, make_feeder.__doc__, n_samples, n_test, task, random_state)


# ----------------------------------------------------------------------------------- shield

_N_PARTICLES = 400
_HIGHEST_SHARE = 0.2


def _draw_shields(rng, n_samples):
    z = _correlated_normal(rng, n_samples, {(0, 4): -0.5, (1, 2): 0.5}, 6)
    share = np.exp(z[:, [2, 3]] * 0.6 + [-1.3, -0.5])
    share /= 1 + share
    return np.column_stack(
        [
            12 * np.exp(0.4 * z[:, 0]),  # behind a thick wall there is a thin lining
            0.25 * np.exp(0.3 * z[:, 1]),
            share,
            1.0 * np.exp(0.4 * z[:, 4]),
            0.5 * np.exp(0.3 * z[:, 5]),
        ]
    )


def _count_particles(X, seed, replicate=0):
    """Follow 400 particles through each shield; shares transmitted and reflected, (n, 2)."""
    rows = np.ascontiguousarray(X)
    return np.array([_walk(x, seed, replicate) for x in rows]).reshape(-1, 2)


def _walk(x, seed, replicate):
    thickness, cross_section, absorbed, backward, lining, lining_cross_section = x
    # The design itself is a part of the seed: neither order nor number of processes matters.
    rng = np.random.default_rng([seed, replicate, *x.view(np.uint32).tolist()])
    depth = np.zeros(_N_PARTICLES)
    direction = np.ones(_N_PARTICLES)
    n_through = n_back = 0
    while depth.size:
        depth = depth + direction * rng.standard_exponential(depth.size)
        through, back = depth > thickness * cross_section, depth < 0
        n_through += np.count_nonzero(through)
        n_back += np.count_nonzero(back)
        going_on = ~through & ~back & (rng.random(depth.size) >= absorbed)
        depth, direction = depth[going_on], direction[going_on]
        direction = np.where(rng.random(depth.size) < backward, -direction, direction)
    through_lining = np.exp(-lining * lining_cross_section)
    n_through = np.count_nonzero(rng.random(n_through) < through_lining)
    return n_through / _N_PARTICLES, n_back / _N_PARTICLES


def expect_shield(X):
    """Expected shares transmitted and reflected (two-stream solution), (n, 2)."""
    thickness, cross_section, absorbed, backward, lining, lining_cross_section = X.T
    back = cross_section * (1 - absorbed) * backward
    out = cross_section * absorbed + back
    k = np.sqrt(out**2 - back**2)
    # sinh(k L) / k, which is L where nothing is absorbed
    kl = k * thickness
    sinh = thickness * np.where(kl > 0, np.sinh(kl) / np.where(kl > 0, kl, 1), 1.0)
    denominator = np.cosh(kl) + out * sinh
    return np.column_stack(
        [np.exp(-lining * lining_cross_section) / denominator, back * sinh / denominator]
    )


@validate_params(SIMULATOR_PARAMETERS, prefer_skip_nested_validation=True)
def make_shield(n_samples=60, *, n_test=5000, task="class", random_state=None):
    """Simulate radiation shields by following 400 particles through each: answers are noisy.

    Particles go forth or back in a wall, collide, are absorbed or scattered, some of them
    backward; a lining behind it only absorbs. The share that comes through is counted, with
    a standard deviation of up to two points. What is expected of infinitely many particles has a
    closed form, the two-stream solution, and is what ``y_test`` holds.

    Parameters
    ----------
    n_samples : int, default=60
        The given designs; their labels are as noisy as the oracle's.
    n_test : int, default=5000
        Designs to score on, of the same distribution; they don't depend on ``n_samples``.
    task : {"class", "value", "values"}, default="class"
        ``"class"`` labels 1 where at least 0.2 of the particles come through, else 0.
        ``"value"`` is the share that does; ``"values"`` that and the share that is reflected.
    random_state : int, RandomState instance or None, default=None
        Decides the designs and the noise.

    Returns
    -------
    Bunch
        ``X`` of shape (n_samples, 6), float64: thickness (cm), cross-section (1/cm), share of
        collisions that absorb, share of scattered particles that turn back, thickness (cm) and
        cross-section (1/cm) of the lining; else as :func:`make_reactor`.
        ``oracle(X, replicate=1)`` repeats the lottery: the answer follows from ``random_state``,
        the design and the number of the replicate, by default 0.

    See Also
    --------
    make_reactor : Answers without noise.
    skgal.active.CallableOracle : A simulator of your own.

    References
    ----------
    Schuster, Radiation through a Foggy Atmosphere, Astrophysical Journal 21, 1905.

    Examples
    --------
    >>> from skgal.datasets import make_shield
    >>> shields = make_shield(task="value", random_state=0)
    >>> design = [10.0, 0.25, 0.2, 0.4, 1.0, 0.5]
    >>> answers = [shields.oracle(design, replicate=i) for i in range(3)]
    >>> [round(float(answer), 4) for answer in answers]
    [0.1825, 0.175, 0.22]
    """
    rng = as_random_state(random_state)
    simulation = Simulation(
        draw=_draw_shields,
        solve=partial(_count_particles, seed=draw_seed(rng)),
        thresholds=(_HIGHEST_SHARE,),
        features=(
            ("thickness", "cm"),
            ("cross-section", "1/cm"),
            ("absorbed share", "1"),
            ("backward share", "1"),
            ("lining thickness", "cm"),
            ("lining cross-section", "1/cm"),
        ),
        outputs=(("transmitted share", "1"), ("reflected share", "1")),
        classes=("safe", "unsafe"),
        truth=expect_shield,
    )
    return simulate(simulation, make_shield.__doc__, n_samples, n_test, task, rng)
