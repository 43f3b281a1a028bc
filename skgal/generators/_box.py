"""A box of free designs as a generator, so that every latent strategy works without a GAN."""

import numpy as np
from scipy.optimize import linprog
from scipy.spatial import cKDTree
from scipy.stats import uniform
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skgal.base import BaseGenerator
from skgal.utils import (
    Column,
    FrameTemplate,
    as_random_state,
    as_samples,
    frame_columns,
    is_frame,
    is_mixed,
    restored_on_failure,
    validated_fit,
)

_N_ANCHORS = 1024
_CHUNK = 16_384
_MOST_DRAWS = 64 * _CHUNK
_TOLERANCE = 1e-12
_BISECTIONS = 30


def _has_cells(box):
    """Tell whether several latent points are one design: if a variable is no real number."""
    return not hasattr(box, "_is_lattice") or box._is_lattice[box._is_free].any()


class DesignBox(BaseGenerator):
    """Generate designs anywhere in a box: ranges, integers, categories, linear constraints.

    Where designs may be chosen freely there is nothing to learn about their distribution: the
    latent space is the box itself, scaled to [-1, 1] in each variable. :class:`~skgal.query.AISEL`,
    :class:`~skgal.query.LatentUncertainty`, :class:`~skgal.query.LatentRandom` and
    :class:`~skgal.query.SpaceFilling` design in it as they do in the latent space of a GAN.
    Variables that belong together (real patients, parts as they are built) are no box: see
    :class:`GIN`.

    Parameters
    ----------
    bounds : dict or array-like of shape (n_features, 2), default=None
        Smallest and largest value of each variable. A dict names columns (or their positions);
        those that it leaves out, and all with None, span what X spans in ``fit``.
    integers : array-like of str or int, default=()
        Columns that take whole numbers only. Columns of an integer dtype are such anyway.
    categories : dict from str or int to array-like, default=None
        Columns that take these values only. Columns of strings, booleans or categories that are
        not named take the values that X has.
    log : array-like of str or int, default=()
        Columns whose logarithm is even over their range, which must be above 0.
    constraints : tuple (A, b), default=None
        ``A`` of shape (n_constraints, n_features) and ``b`` of shape (n_constraints,): every
        design satisfies ``A @ x <= b``. The coefficients of categories must be 0. Of an equality,
        such as shares that add up to 1, leave one variable out.
    random_state : int, RandomState instance or None, default=None
        Decides what ``sample`` draws by default, and with constraints the designs to which those
        that violate them are pulled.

    Attributes
    ----------
    latent_dim_ : int
        The number of variables that vary.
    latent_distribution_ : frozen distribution of :mod:`scipy.stats`
        Uniform on [-1, 1].
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only if X has column names.

    Raises
    ------
    ValueError
        From ``fit``: if no design satisfies the constraints, or fewer than one in 100,000 of the
        box; if a range is empty, a logarithmic one reaches 0, or one is beyond what the column's
        dtype holds (whole numbers: up to 2**53); if a column doesn't exist.

    See Also
    --------
    GIN : Where variables depend on each other.
    skgal.query.SpaceFilling : Even designs of a box.

    Notes
    -----
    ``sample`` draws designs that satisfy the constraints, all equally likely, by rejection;
    ``is_feasible`` tells which latent points do, ``round_latent`` which are the same design.
    ``generate`` leaves those as they are, and pulls
    any other towards a design that does until it does too. The rows of X need not lie in the box.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgal.generators import DesignBox
    >>> designs = pd.DataFrame({"length": [1.0, 2.0], "bolts": [4, 8], "steel": ["S235", "S355"]})
    >>> box = DesignBox({"length": (0.5, 5.0)}, constraints=([[-2, 1, 0]], [0]), random_state=0)
    >>> drawn = box.fit(designs).sample(100)
    >>> bool((drawn["bolts"] <= 2 * drawn["length"]).all())
    True
    >>> sorted(drawn["steel"].unique()), drawn["bolts"].dtype
    (['S235', 'S355'], dtype('int64'))
    """

    _parameter_constraints = {
        "bounds": ["array-like", dict, None],
        "integers": ["array-like"],
        "categories": [dict, None],
        "log": ["array-like"],
        "constraints": [tuple, list, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        bounds=None,
        *,
        integers=(),
        categories=None,
        log=(),
        constraints=None,
        random_state=None,
    ):
        self.bounds = bounds
        self.integers = integers
        self.categories = categories
        self.log = log
        self.constraints = constraints
        self.random_state = random_state

    @validated_fit(prefer_skip_nested_validation=True)
    @restored_on_failure
    def fit(self, X, y=None):
        """Learn columns, dtypes and the ranges that ``bounds`` doesn't give.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or DataFrame
            The given designs; of images each pixel is a variable.
        y : None
            Ignored.

        Returns
        -------
        self
            The box.
        """
        columns = self._read(X, reset=True)
        self._template = FrameTemplate.of(X)
        self._learn_ranges(columns)
        self._learn_constraints()
        self.latent_distribution_ = uniform(-1, 2)
        self.latent_dim_ = self._n_features_out = int(np.count_nonzero(self._is_free))
        self._anchors = None
        if self._coefficients is not None:
            rng = as_random_state(self.random_state)
            self._anchors = cKDTree(self._draw_feasible(_N_ANCHORS, rng))
        return self

    def sample_latent(self, n_samples=1, *, random_state=None):
        """Draw latent points whose designs satisfy the constraints, all equally likely.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        random_state : int, RandomState instance or None, default=None
            None: the generator's own.

        Returns
        -------
        ndarray of shape (n_samples, latent_dim), dtype float64, in [-1, 1]
            Feasible latent points.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples must be at least 1, got {n_samples}.")
        rng = as_random_state(self.random_state if random_state is None else random_state)
        return self._draw_feasible(n_samples, rng)

    def generate(self, Z, y=None):
        """Map latent points to designs that satisfy the constraints.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
            Values beyond [-1, 1] are clipped.
        y : None
            Ignored.

        Returns
        -------
        array or DataFrame of n_samples designs, laid out as the designs of ``fit``
            One design for each latent point.
        """
        Z = self._check_latent(Z)
        numbers = self._to_numbers(Z)
        infeasible = ~self._satisfies(numbers)
        if infeasible.any():
            numbers[infeasible] = self._to_numbers(self._pull(Z[infeasible]))
        return self._to_designs(numbers)

    def is_feasible(self, Z):
        """Tell which latent points are designs that satisfy the constraints.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
            Latent points.

        Returns
        -------
        ndarray of shape (n_samples,), dtype bool
            True for designs that satisfy every constraint.
        """
        Z = self._check_latent(Z)
        if self._coefficients is None:
            return np.ones(len(Z), dtype=bool)
        return self._satisfies(self._to_numbers(Z))

    @available_if(_has_cells)
    def round_latent(self, Z):
        """Move latent points to where the designs are that :meth:`generate` makes of them.

        Of integers and categories that is the middle of their cells; a box without has no such
        method.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
            Latent points; values beyond [-1, 1] are clipped.

        Returns
        -------
        ndarray of shape (n_samples, latent_dim), dtype float64, in [-1, 1]
            Equal rows for equal designs.
        """
        Z = np.clip(self._check_latent(Z), -1, 1)
        numbers = self._to_numbers(Z)
        infeasible = ~self._satisfies(numbers)
        if infeasible.any():
            Z[infeasible] = self._pull(Z[infeasible])
            numbers[infeasible] = self._to_numbers(Z[infeasible])
        return np.where(self._is_lattice[self._is_free], self._to_latent(numbers), Z)

    def transform(self, X):
        """Map designs to latent points: those from beyond the box to its surface.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or DataFrame
            Designs.

        Returns
        -------
        ndarray of shape (n_samples, latent_dim), dtype float64, in [-1, 1]
            NaN for designs with a category that is none of the box.
        """
        check_is_fitted(self)
        return np.clip(self._to_latent(self._encode(self._read(X, reset=False))), -1, 1)

    def inverse_transform(self, Z):
        """Map latent points to designs, as :meth:`generate` does.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
            Latent points.

        Returns
        -------
        array or DataFrame of n_samples designs
            One design for each latent point.
        """
        return self.generate(Z)

    def score_samples(self, X):
        """Rate designs: 0 in the box, lower by how far they are out of it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or DataFrame
            Designs.

        Returns
        -------
        ndarray of shape (n_samples,)
            Minus the sum, over variables and constraints, of how far the design is beyond, in units
            of half the range; minus infinity for a category that is none of the box.
        """
        check_is_fitted(self)
        numbers = self._encode(self._read(X, reset=False))
        beyond = np.maximum(np.abs(self._to_latent(numbers)) - 1, 0).sum(axis=1)
        if self._coefficients is not None:
            excess = numbers @ self._coefficients.T - self._limits
            beyond = beyond + np.maximum(excess / self._spans, 0).sum(axis=1)
        return -np.where(np.isnan(beyond), np.inf, beyond)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = tags.input_tags.string = True
        return tags

    # ----------------------------------------------------------------- from designs to numbers

    def _read(self, X, *, reset):
        """Validate designs and return their columns, a list of 1-D arrays."""
        X = as_samples(X)
        holds_objects = isinstance(X, np.ndarray) and X.dtype.kind == "O"
        if is_frame(X) or (holds_objects and is_mixed(X)):
            validate_data(self, X, reset=reset, skip_check_array=True)
            if len(X) == 0:
                raise ValueError("Found array with 0 sample(s); the box needs some.")
            if is_frame(X):
                columns = [np.asarray(column.to_numpy()) for column in frame_columns(X).values()]
            else:
                columns = [np.array(column.tolist()) for column in X.T]
            if reset and any(c.dtype.kind == "f" and np.isnan(c).any() for c in columns):
                raise ValueError("X has gaps, and a design has none: leave out such rows.")
            shape, dtype = (len(columns),), None if is_frame(X) else X.dtype
        else:
            X = validate_data(self, X, reset=reset, allow_nd=True)
            columns = list(X.reshape(len(X), -1).T)
            shape, dtype = X.shape[1:], X.dtype
        if reset:
            self._shape, self._dtype = shape, dtype
        elif shape != self._shape:
            raise ValueError(f"Designs have shape {self._shape}, those of X have shape {shape}.")
        return columns

    def _learn_ranges(self, columns):
        """Set ranges, scales and categories of all columns."""
        n_columns = len(columns)
        names = list(getattr(self, "feature_names_in_", range(n_columns)))

        def position(key):
            if key in names:
                return names.index(key)
            if isinstance(key, (int, np.integer)) and 0 <= key < n_columns:
                return int(key)
            raise ValueError(f"X has no column {key!r}; its columns are {names}.")

        given = {position(key): values for key, values in (self.categories or {}).items()}
        self._categories = {}
        for i, column in enumerate(columns):
            if i in given:
                self._categories[i] = list(given[i])
            elif column.dtype.kind not in "iuf":
                self._categories[i] = sorted(dict.fromkeys(column.tolist()), key=str)
        bounds = self.bounds
        if bounds is not None and not isinstance(bounds, dict):
            bounds = check_array(bounds, ensure_min_samples=0, ensure_min_features=0)
            if bounds.shape != (n_columns, 2):
                raise ValueError(
                    f"bounds must have shape ({n_columns}, 2), a row for each variable; got "
                    f"{bounds.shape}."
                )
            bounds = dict(enumerate(bounds))
        bounds = {position(key): pair for key, pair in (bounds or {}).items()}
        integers = {position(key) for key in self.integers}
        integers |= {i for i, column in enumerate(columns) if column.dtype.kind in "iu"}
        low, high = np.empty(n_columns), np.empty(n_columns)
        for i, column in enumerate(columns):
            if i in self._categories:
                low[i], high[i] = 0, len(self._categories[i]) - 1
            elif i in bounds:
                low[i], high[i] = bounds[i]
            else:
                values = column.astype(np.float64)
                low[i], high[i] = values.min(), values.max()
            if i in integers and i not in self._categories:
                low[i], high[i] = np.ceil(low[i]), np.floor(high[i])
            if not low[i] <= high[i] or not np.isfinite([low[i], high[i]]).all():
                raise ValueError(
                    f"Column {names[i]!r} has no values between {low[i]:g} and {high[i]:g}; pass "
                    "finite bounds with the smaller one first."
                )
            if i not in self._categories:
                _check_limits(names[i], low[i], high[i], column.dtype, is_integer=i in integers)
        self._is_lattice = np.zeros(n_columns, dtype=bool)
        self._is_lattice[list(integers | set(self._categories))] = True
        self._is_log = np.zeros(n_columns, dtype=bool)
        self._is_log[[position(key) for key in self.log]] = True
        if np.any(low[self._is_log] <= 0):
            worst = names[np.flatnonzero(self._is_log & (low <= 0))[0]]
            raise ValueError(f"Column {worst!r} is logarithmic, so its bounds must be above 0.")
        self._is_free = high > low
        if not self._is_free.any():
            raise ValueError(
                f"No column varies over the n_samples={len(columns[0])} designs of X, so that they "
                "span no box; pass bounds."
            )
        self._low, self._high = low, high
        # What the latent interval is mapped to: values, their logarithms, or cells of a lattice.
        edges = np.stack([low, high])
        edges[:, self._is_lattice] += [[-0.5], [0.5]]
        edges[:, self._is_log] = np.log(edges[:, self._is_log])
        self._centre, self._half = edges.mean(axis=0), np.ptp(edges, axis=0) / 2

    def _learn_constraints(self):
        """Set the constraints, and refuse such as no design satisfies."""
        self._coefficients = None
        if self.constraints is None:
            return
        A, b = self.constraints
        A = check_array(A, dtype=np.float64)
        b = check_array(b, dtype=np.float64, ensure_2d=False)
        if A.shape != (len(b), len(self._low)) or b.ndim != 1:
            raise ValueError(
                f"constraints are (A, b) with A of shape (n_constraints, {len(self._low)}) and b "
                f"of shape (n_constraints,); got {A.shape} and {b.shape}."
            )
        if A[:, list(self._categories)].any():
            raise ValueError("Categories are not numbers: their coefficients in A must be 0.")
        box = list(zip(self._low, self._high, strict=True))
        if linprog(np.zeros(A.shape[1]), A_ub=A, b_ub=b, bounds=box).status == 2:
            raise ValueError("No design within the bounds satisfies the constraints.")
        self._coefficients, self._limits = A, b
        self._spans = np.maximum(np.abs(A) @ (self._high - self._low) / 2, np.finfo(float).tiny)

    def _encode(self, columns):
        """Make a matrix of numbers, categories by position; rows with unknown ones are NaN."""
        numbers = np.empty((len(columns[0]), len(columns)))
        for i, column in enumerate(columns):
            if i in self._categories:
                codes = {category: code for code, category in enumerate(self._categories[i])}
                numbers[:, i] = [codes.get(value, np.nan) for value in column.tolist()]
            else:
                numbers[:, i] = column
        numbers[np.isnan(numbers).any(axis=1)] = np.nan
        return numbers

    def _to_latent(self, numbers):
        scaled = numbers.copy()
        with np.errstate(divide="ignore"):
            scaled[:, self._is_log] = np.log(np.maximum(scaled[:, self._is_log], 1e-300))
        scaled = (scaled - self._centre)[:, self._is_free]
        return scaled / self._half[self._is_free]

    # ----------------------------------------------------------------- from numbers to designs

    def _check_latent(self, Z):
        check_is_fitted(self)
        Z = check_array(Z, dtype=np.float64)
        if Z.shape[1] != self.latent_dim_:
            raise ValueError(
                f"Latent points of this box have {self.latent_dim_} coordinates, got {Z.shape[1]}."
            )
        return Z

    def _to_numbers(self, Z):
        """Scale latent points to values, variable by variable: in memory those of one are a row."""
        numbers = np.zeros((len(self._centre), len(Z)))
        numbers[self._is_free] = Z.T
        np.clip(numbers, -1, 1, out=numbers)
        numbers *= self._half[:, np.newaxis]
        numbers += self._centre[:, np.newaxis]
        for at, function in ((self._is_log, np.exp), (self._is_lattice, np.rint)):
            if at.any():
                numbers[at] = function(numbers[at])
        limits = self._low[:, np.newaxis], self._high[:, np.newaxis]
        return np.clip(numbers, *limits, out=numbers).T

    def _satisfies(self, numbers):
        if self._coefficients is None:
            return np.ones(len(numbers), dtype=bool)
        excess = numbers @ self._coefficients.T - self._limits
        return np.all(excess <= _TOLERANCE * (self._spans + np.abs(self._limits)), axis=1)

    def _draw_feasible(self, n_samples, rng):
        """Draw latent points uniformly until enough of them satisfy the constraints."""
        if self._coefficients is None:
            return rng.uniform(-1, 1, (n_samples, self.latent_dim_))
        found, n_found, n_drawn = [], 0, 0
        while n_found < n_samples:
            Z = rng.uniform(-1, 1, (_CHUNK, np.count_nonzero(self._is_free)))
            found.append(Z[self._satisfies(self._to_numbers(Z))])
            n_found += len(found[-1])
            n_drawn += _CHUNK
            if n_drawn >= _MOST_DRAWS and n_found < n_drawn * 1e-5:
                raise ValueError(
                    f"Of {n_drawn} random designs {n_found} satisfy the constraints: too few. "
                    "Narrow the bounds; of an equality, leave one variable out."
                )
        return np.concatenate(found)[:n_samples]

    def _pull(self, Z):
        """Move latent points towards the nearest known feasible one until they are feasible."""
        Z = np.clip(Z, -1, 1)
        anchors = self._anchors.data[self._anchors.query(Z)[1]]
        low, high = np.zeros((len(Z), 1)), np.ones((len(Z), 1))
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            moved = anchors + middle * (Z - anchors)
            feasible = self._satisfies(self._to_numbers(moved))[:, np.newaxis]
            low, high = np.where(feasible, middle, low), np.where(feasible, high, middle)
        return anchors + low * (Z - anchors)

    def _to_designs(self, numbers):
        if self._template is not None:
            complete = np.zeros(len(numbers), dtype=bool)
            columns = []
            for i, codes in enumerate(numbers.T):
                kind = "category" if i in self._categories else "real"
                columns.append(Column(kind, self._decode(i, codes), complete))
            return self._template.fill(columns)
        if not self._categories:
            return numbers.astype(self._dtype, order="C").reshape(-1, *self._shape)
        rows = np.empty(numbers.shape, dtype=object)
        for i, codes in enumerate(numbers.T):
            rows[:, i] = self._decode(i, codes)
        return rows.reshape(-1, *self._shape).astype(self._dtype)

    def _decode(self, i, numbers):
        """Return the values of a column: an array of numbers, or a list of categories."""
        if i in self._categories:
            return [self._categories[i][code] for code in numbers.astype(int)]
        return numbers.astype(np.int64) if self._is_lattice[i] else numbers


def _check_limits(name, low, high, dtype, *, is_integer):
    """Refuse limits that the column's dtype, or the float64 of the computations, can't hold."""
    info = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    least, most, what = float(info.min), float(info.max), f"those of its dtype, {dtype}"
    exact = 2.0 ** min(53, getattr(info, "nmant", 52) + 1)  # float64's, or fewer in float32
    if is_integer and most > exact:
        least, most, what = max(least, -exact), exact, "the whole numbers that are exact"
    elif dtype == np.float64:  # the range itself must be finite, too
        least, most, what = least / 2, most / 2, "those whose range float64 holds"
    if low < least or high > most:
        raise ValueError(
            f"The values of column {name!r} are to reach from {low:.17g} to {high:.17g}, beyond "
            f"{what}, {least:.17g} to {most:.17g}; pass narrower bounds, or X in a wider dtype."
        )
