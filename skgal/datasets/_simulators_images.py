"""Simulators whose designs are images: what a material conducts, what a narrowed vessel resists."""

from functools import lru_cache, partial
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter
from scipy.special import ndtri

from skgal.datasets._simulators import SIMULATOR_PARAMETERS, Simulation, simulate
from skgal.utils import Interval, validate_params

_IMAGE_PARAMETERS = {
    **SIMULATOR_PARAMETERS,
    "size": [Interval(Integral, 4, None, closed="left")],
}


def _pixels(size):
    return tuple((f"pixel {row},{column}", "1") for row in range(size) for column in range(size))


def _random_field(rng, size, lengths):
    """Draw a periodic Gaussian random field with these correlation lengths in pixels."""
    field = gaussian_filter(rng.standard_normal((size, size)), lengths, mode="wrap")
    return (field - field.mean()) / field.std()


# ------------------------------------------------------------------------------- conduction


def _draw_materials(rng, n_samples, size):
    """Threshold random fields of random share and grain: float32 of shape (n, 1, size, size)."""
    images = np.empty((n_samples, 1, size, size), dtype=np.float32)
    for image in images:
        share = rng.uniform(0.25, 0.75)
        lengths = size / 16 * np.exp(rng.uniform(np.log(0.8), np.log(2.5), size=2))
        image[0] = _random_field(rng, size, lengths) < ndtri(share)
    return images


def solve_conduction(images, contrast):
    """Effective conductivity from left to right and from top to bottom of materials, (n, 2)."""
    conductivity = contrast ** np.asarray(images, dtype=np.float64)[:, 0]
    return np.array(
        [[_conduct(field), _conduct(field.T)] for field in conductivity], dtype=np.float64
    ).reshape(-1, 2)


def _conduct(field):
    """Effective conductivity along the second axis: finite volumes, insulated at the sides."""
    # A face conducts as the harmonic mean of its two cells; the outer faces, at temperatures 1 and
    # 0, are half a cell away. Cells are numbered column by column.
    n_rows, n_columns = field.shape
    along = 2 / (1 / field[:, 1:] + 1 / field[:, :-1])
    across = 2 / (1 / field[1:] + 1 / field[:-1])
    diagonal = np.zeros_like(field)
    diagonal[:, 1:] += along
    diagonal[:, :-1] += along
    diagonal[1:] += across
    diagonal[:-1] += across
    diagonal[:, 0] += 2 * field[:, 0]
    diagonal[:, -1] += 2 * field[:, -1]
    # The lower form of the symmetric band matrix
    bands = np.zeros((n_rows + 1, field.size))
    bands[0] = diagonal.T.ravel()
    bands[1].reshape(n_columns, n_rows)[:, :-1] = -across.T
    bands[n_rows].reshape(n_columns, n_rows)[:-1] = -along.T
    source = np.zeros((n_columns, n_rows))
    source[0] = 2 * field[:, 0]
    temperature = solveh_banded(bands, source.ravel(), lower=True).reshape(n_columns, n_rows)
    heat = 2 * field[:, 0] @ (1 - temperature[0])
    return heat * n_columns / n_rows


@validate_params(
    {**_IMAGE_PARAMETERS, "contrast": [Interval(Real, 1, None, closed="neither")]},
    prefer_skip_nested_validation=True,
)
def make_conduction(
    n_samples=120, *, n_test=1000, task="class", size=16, contrast=100.0, random_state=None
):
    """Simulate the conduction of heat through a material of two phases, given as images.

    The random fields have grains of random size and shape; a pixel of 1 conducts ``contrast``
    times as well as one of 0, and one of x, of which generators make some, ``contrast ** x``
    times. The effective conductivity of the square, insulated above and below and held at two
    temperatures left and right, is computed by finite volumes with harmonic means at the faces.

    Parameters
    ----------
    n_samples : int, default=120
        The given designs.
    n_test : int, default=1000
        Designs to score on, of the same distribution; they don't depend on ``n_samples``.
    task : {"class", "value", "values"}, default="class"
        ``"class"``: the logarithm of the conductivity, as a share of that of ``contrast``, is
        below 0.3 (0, insulating), below 0.65 (1, medium) or not (2, conducting). ``"value"`` is
        that share, 0 for the one phase and 1 for the other; ``"values"`` that from left to right
        and that from top to bottom.
    size : int, default=16
        Pixels a side.
    contrast : float, default=100
        Conductivity of the one phase over that of the other.
    random_state : int, RandomState instance or None, default=None
        Decides the designs.

    Returns
    -------
    Bunch
        ``X`` of shape (n_samples, 1, size, size), float32 in [0, 1]; ``y``; ``oracle``, a
        picklable callable for a batch of designs or for one; ``X_test`` and ``y_test``;
        ``feature_names`` and ``units``; ``output_names`` and ``output_units``; ``target_names``;
        ``DESCR``.

    See Also
    --------
    make_stenosis : Images, a flow.
    skgal.active.CallableOracle : A simulator of your own.

    References
    ----------
    Torquato, Random Heterogeneous Materials, Springer 2002, chapters 13 and 21. Patankar,
    Numerical Heat Transfer and Fluid Flow, 1980, section 4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.datasets import make_conduction
    >>> materials = make_conduction(20, n_test=10, task="values", random_state=0)
    >>> stripes = np.zeros((1, 16, 16))
    >>> stripes[:, ::2] = 1.0  # half of the rows conduct
    >>> 100 ** materials.oracle(stripes)  # in parallel 50.5, in series 1.98
    array([50.5       ,  1.98019802])
    """
    simulation = Simulation(
        draw=partial(_draw_materials, size=size),
        solve=partial(_log_conduction, contrast=contrast),
        thresholds=(0.3, 0.65),
        features=_pixels(size),
        outputs=(("log conductivity across", "1"), ("log conductivity down", "1")),
        classes=("insulating", "medium", "conducting"),
    )
    return simulate(simulation, make_conduction.__doc__, n_samples, n_test, task, random_state)


def _log_conduction(images, contrast):
    return np.log(solve_conduction(images, contrast)) / np.log(contrast)


# --------------------------------------------------------------------------------- stenosis

_DRAG = 1e5  # of tissue: permeability 1e-5 squared heights of the vessel
_CONVEXITY = 0.1
_FAINT = 0.1  # below it a pixel is blood, and as near to 1 it is tissue


def _draw_vessels(rng, n_samples, size):
    """Draw vessels narrowed by two plaques with rough surfaces; float32 (n, 1, size, size)."""
    place = (np.arange(size) + 0.5) / size
    images = np.empty((n_samples, 1, size, size), dtype=np.float32)
    for image in images:
        walls = []
        for _ in range(2):
            height = rng.uniform(0.1, 0.45)
            middle, width = rng.uniform(0.3, 0.7), rng.uniform(0.08, 0.2)
            bump = height * np.exp(-(((place - middle) / width) ** 2))
            rough = gaussian_filter(rng.standard_normal(size), size / 16)
            walls.append(np.clip(bump * (1 + 0.5 * rough), 0, 0.46) * size)
        rows = np.arange(size)[:, np.newaxis]
        tissue = np.clip(walls[0] - rows, 0, 1) + np.clip(walls[1] - rows[::-1], 0, 1)
        image[0] = np.clip(tissue, 0, 1)
    return images


def solve_stenosis(images):
    """Pressure drop (viscosity * mean speed / height) and largest / mean speed of vessels."""
    images = np.asarray(images, dtype=np.float64)[:, 0]
    # As a reader sets the window of a scan: else the noise of an image would be a porous plug.
    tissue = np.clip((images - _FAINT) / (1 - 2 * _FAINT), 0, 1)
    return np.array([_flow(image) for image in tissue], dtype=np.float64).reshape(-1, 2)


def _flow(tissue):
    """Minimise the dissipation of a unit flow over its stream function at the pixels' corners."""
    # With u = (psi_y, -psi_x), Stokes flow with the Brinkman drag a(x) u minimises
    # integral (laplace psi)^2 + a |grad psi|^2, and the minimum is the pressure drop times the
    # flow. psi is 0 on the lower and 1 on the upper wall, where nothing slips; at both ends
    # pressure is uniform and the flow straight, as if the vessel went on mirrored.
    n_rows, n_columns = tissue.shape
    n_inner = n_rows - 1
    drag = _DRAG * _CONVEXITY * tissue / (_CONVEXITY + 1 - tissue)  # Borrvall and Petersson
    # An edge between two corners has the mean drag of the pixels beside it, and at the ends of
    # the vessel half of that. Edges are numbered as the corners, column by column.
    padded = np.pad(drag, ((0, 0), (1, 1)))
    vertical = (padded[:, 1:] + padded[:, :-1]).T / 2
    horizontal = (drag[1:] + drag[:-1]).T / 2
    diagonal = vertical[:, 1:] + vertical[:, :-1]
    diagonal[1:] += horizontal
    diagonal[:-1] += horizontal
    # At the surface of tissue nothing slips either: there, as at a wall, the second derivative is
    # twice the difference to the next corner, on one half of the cell: twice the square.
    corner = np.pad(tissue, 1, mode="edge")
    corner = np.stack([corner[1:, 1:], corner[1:, :-1], corner[:-1, 1:], corner[:-1, :-1]])
    weights = 1 + np.ptp(corner, axis=0).T.ravel()
    to_bands, to_load, to_base = _viscous_form(n_rows, n_columns)
    bands = (to_bands @ weights).reshape(2 * n_inner + 1, -1)
    load, base = to_load @ weights, to_base @ weights
    bands[0] += diagonal.ravel()
    bands[1].reshape(-1, n_inner)[:, :-1] -= vertical[:, 1:-1]
    bands[n_inner].reshape(-1, n_inner)[:-1] -= horizontal
    load.reshape(-1, n_inner)[:, -1] += vertical[:, -1]
    base += vertical[:, -1].sum()
    psi = solveh_banded(bands, load, lower=True)
    speed = np.diff(psi.reshape(-1, n_inner), axis=1, prepend=0, append=1) * n_rows
    return base - load @ psi, speed.max()


@lru_cache(maxsize=4)
def _viscous_form(n_rows, n_columns):
    """Write ``integral w (laplace psi)^2`` as psi A psi - 2 load psi + base, all linear in w."""
    # Returned are the matrices that map w, the weights of the corners, to the bands of A and to the
    # load, and the vector that maps it to the base. At a wall, where psi has no slope, its second
    # derivative is twice the difference to the nearest corner.
    n_inner = n_rows - 1
    inner = sparse.eye_array(n_rows + 1, format="lil")
    inner[0, 0] = inner[-1, -1] = 0
    down = _second_difference(n_rows + 1)
    along = _second_difference(n_columns + 1)
    laplace = sparse.kron(sparse.eye_array(n_columns + 1), down) + sparse.kron(along, inner)
    cells = np.ones((n_columns + 1, n_rows + 1))  # those of edges are halved
    for edge in (cells[0], cells[-1], cells[:, 0], cells[:, -1]):
        edge /= 2
    laplace = (sparse.diags_array(np.sqrt(cells.ravel())) @ laplace).tocsc() * n_rows
    numbers = np.arange(cells.size).reshape(cells.shape)
    of_top = laplace[:, numbers[:, -1]].sum(axis=1)
    laplace = laplace[:, numbers[:, 1:-1].ravel()]
    n_corners, n_unknown = laplace.shape
    rows, columns, values = [], [], []
    for offset in range(2 * n_inner + 1):  # A[j + offset, j] is in bands[offset, j]
        products = laplace[:, offset:].multiply(laplace[:, : n_unknown - offset]).tocoo()
        rows.append(offset * n_unknown + products.col)
        columns.append(products.row)
        values.append(products.data)
    to_bands = sparse.csr_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        shape=((2 * n_inner + 1) * n_unknown, n_corners),
    )
    to_load = -(laplace.T @ sparse.diags_array(of_top)).tocsr()
    return to_bands, to_load, of_top**2


def _second_difference(n_points):
    """Second differences, mirrored at both ends."""
    matrix = sparse.diags_array(
        [1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n_points, n_points), format="lil"
    )
    matrix[0, 1] = matrix[-1, -2] = 2.0
    return matrix


@validate_params(_IMAGE_PARAMETERS, prefer_skip_nested_validation=True)
def make_stenosis(n_samples=120, *, n_test=1000, task="class", size=16, random_state=None):
    """Simulate the pressure drop of slow flow through narrowed vessels, given as images.

    Creeping (Stokes) flow through a plane vessel, 0 where there is blood, 1 where there is tissue,
    which lets through next to nothing; a pixel in between drags (Brinkman), except that one below
    0.1 counts as blood, one above 0.9 as tissue. The vessel goes on mirrored at both ends. What is
    computed is the pressure drop at a given flow over that of a clear vessel, by the stream
    function of least dissipation.

    Parameters
    ----------
    n_samples : int, default=120
        The given designs.
    n_test : int, default=1000
        Designs to score on, of the same distribution; they don't depend on ``n_samples``.
    task : {"class", "value", "values"}, default="class"
        ``"class"`` labels 1, severe, where the drop is at least five times that of a clear
        vessel, else 0, mild. ``"value"`` is the decimal logarithm of that ratio; ``"values"``
        that and the largest speed over the mean speed, 1.5 in a clear vessel.
    size : int, default=16
        Pixels a side.
    random_state : int, RandomState instance or None, default=None
        Decides the designs.

    Returns
    -------
    Bunch
        ``X`` of shape (n_samples, 1, size, size), float32 in [0, 1]; else as
        :func:`make_conduction`.

    See Also
    --------
    make_conduction : Images, a material.
    skgal.active.CallableOracle : A simulator of your own.

    References
    ----------
    J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43, 2021,
    section 5.2: aortic stenosis, whose designs were images of patients. Borrvall and Petersson,
    Topology optimization of fluids in Stokes flow, International Journal for Numerical Methods in
    Fluids 41, 2003, equations 4 and 17.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.datasets import make_stenosis
    >>> vessels = make_stenosis(20, n_test=10, task="value", random_state=0)
    >>> half = np.zeros((1, 16, 16))
    >>> half[:, :4] = half[:, 12:] = 1.0  # half the width: 8 by Poiseuille, on fine grids
    >>> round(float(10 ** vessels.oracle(half)), 1)
    7.7
    """
    simulation = Simulation(
        draw=partial(_draw_vessels, size=size),
        solve=_log_stenosis,
        thresholds=(np.log10(5.0),),
        features=_pixels(size),
        outputs=(("log10 of the relative pressure drop", "1"), ("relative peak speed", "1")),
        classes=("mild", "severe"),
    )
    return simulate(simulation, make_stenosis.__doc__, n_samples, n_test, task, random_state)


def _log_stenosis(images):
    drop, speed = solve_stenosis(images).T
    return np.column_stack([np.log10(drop / 12), speed])
