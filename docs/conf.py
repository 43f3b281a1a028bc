"""Configuration of the site: Sphinx, pydata theme, sphinx-gallery, numpydoc, MyST."""

import sys
import warnings
from pathlib import Path

import skgal

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "skgal"
author = "The skgal developers"
copyright = author
version = release = skgal.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
    "api_pages",
    "internal_links",
    "mathml",
    "measured",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = [
    "_build",
    "api/backreferences",
    "auto_examples/**/*.md5",
    "**/README.txt",
    "_templates",
]
templates_path = ["_templates"]
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 4

# The build needs no network but a package index, so other projects' objects are not linked.
intersphinx_mapping = {}
bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "unsrtalpha"

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["auto_examples"],
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"^(?!.*plot_).*\.py$",
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,  # a page that loads scripts from the network
    "abort_on_example_error": True,
    "backreferences_dir": "api/backreferences",
    "doc_module": ("skgal",),
    "reference_url": {"skgal": None},
    "remove_config_comments": True,
    "within_subsection_order": "gallery_order.StoryOrder",
    "reset_modules": ("matplotlib",),
}

html_math_renderer = "mathml"  # MathJax would come from the network
html_theme = "pydata_sphinx_theme"
html_title = "skgal"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_sidebars = {page: [] for page in ("start", "which_method", "measured", "coming_from")}
html_theme_options = {
    "show_toc_level": 2,
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "secondary_sidebar_items": {"**": ["page-toc"], "coming_from": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
