"""What displays share: axes to draw on, colours, and many images drawn as one."""

import numpy as np
from sklearn.utils import check_array

from skgal.utils import DataLayout, check_matplotlib_support

# Okabe and Ito (2008): told apart by colour-blind readers too.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
LINES = ["-", "--", ":", "-."]
REAL, SYNTHETIC = COLOURS[0], COLOURS[1]


def axes_or_new(ax, display, *, title=None, figsize=None):
    """Return the axes that the user gave, or those of a new figure, with a title."""
    check_matplotlib_support(f"{type(display).__name__}.plot")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained", figsize=figsize)
    if title is not None:
        ax.set_title(title)
    return ax


def class_styles(n_classes, *, lines=False):
    """Return a colour and a marker for each class, and how its line is drawn; all pairs differ."""
    n_colours = len(COLOURS)
    styles = []
    for i in range(n_classes):
        turn = i // n_colours
        style = {"color": COLOURS[i % n_colours], "marker": MARKERS[(i + turn) % n_colours]}
        styles.append(style | {"linestyle": LINES[turn % len(LINES)]} if lines else style)
    return styles


def divide(ax, n_rows, n_columns, *, heights=None):
    """Divide the area of axes into an array of panels."""
    area = ax.get_subplotspec()
    if area is None:
        raise ValueError("ax can't be divided into panels; take one that plt.subplots() made.")
    grid = area.subgridspec(n_rows, n_columns, height_ratios=heights)
    ax.set_axis_off()
    panels = [[ax.figure.add_subplot(grid[i, j]) for j in range(n_columns)] for i in range(n_rows)]
    return np.array(panels)


def image_range(images, image_shape=None):
    """Learn the layout of images, flat or not, and the range of their values."""
    images = check_array(images, allow_nd=True, input_name="images")
    layout = DataLayout(images, image_shape)
    if not layout.is_image:
        raise ValueError(
            f"The samples have shape {layout.shape}, not that of an image; say "
            "image_shape=(channels, height, width) if they are flat images."
        )
    if layout.shape[0] not in (1, 3):
        raise ValueError(
            "Only grey images (1 channel) and colour images (3 channels) can be drawn, got "
            f"images of shape {layout.shape}; choose one or three of the channels."
        )
    return layout


def to_intensities(images, layout):
    """Scale images to [0, 1], from the smallest to the largest value that ``layout`` saw."""
    return (np.clip(layout.to_network(np.asarray(images)), -1, 1) + 1) / 2


def picture_size(images, n_columns, *, gap=1):
    """Return width and height in inches of a figure that images in rows fill."""
    n, _, h, w = images.shape
    cell = min(6.4 / n_columns, 1.2)
    n_rows = -(-n // n_columns)
    return 6.4, min(0.7 + n_rows * cell * (h + gap) / (w + 1), 12.0)


def draw_images(ax, images, n_columns, *, gap=1):
    """Draw images (n, c, h, w) in [0, 1] in rows, white between them; return the artist."""
    n, c, h, w = images.shape
    n_rows = -(-n // n_columns)
    cells = np.ones((n_rows * n_columns, h + gap, w + 1, c), dtype=images.dtype)
    cells[:n, :h, :w] = images.transpose(0, 2, 3, 1)
    rows = cells.reshape(n_rows, n_columns, h + gap, w + 1, c).swapaxes(1, 2)
    picture = rows.reshape(n_rows * (h + gap), n_columns * (w + 1), c)[:-gap, :-1]
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def label_rows(ax, names, height, *, gap=1):
    """Write a name beside each row of images."""
    centres = np.arange(len(names)) * (height + gap) + (height - 1) / 2
    ax.set_yticks(centres, names)
    ax.tick_params(left=False)
