"""Find the templates and fill them in.

Templates frame text that printers wrote.  Every value goes through one of the typed filters of
`gradc.emit.filters`; an unfiltered value or an unknown name is an error, not an empty text.
"""

import tomllib
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path

import jinja2

from gradc.emit.filters import FILTERS, Rendered
from gradc.errors import GradcError

__all__ = ["environment", "find_templates", "render", "support_text", "template_root"]

_PACKAGE = Path(__file__).resolve().parents[1]


def find_templates(package: Path) -> Path:
    """Return the folder of templates that belongs to the package folder `package`.

    An installed package carries it as ``_templates``.  In a checkout it is ``templates`` beside
    the package, and counts only if the ``pyproject.toml`` there names gradc.

    Raises
    ------
    GradcError
        There is neither.
    """
    installed = package / "_templates"
    if installed.is_dir():
        return installed
    checkout = package.parent / "templates"
    if checkout.is_dir() and _project_name(package.parent / "pyproject.toml") == "gradc":
        return checkout
    raise GradcError(
        f"gradc finds no templates: neither {installed} nor a checkout's {checkout}",
        repair="install gradc again, or run it from a whole checkout",
    )


def _project_name(path: Path) -> str | None:
    """Return the project's name in a ``pyproject.toml``, None if there is none to read."""
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError):
        return None
    name = project.get("name") if isinstance(project, dict) else None
    return name if isinstance(name, str) else None


@cache
def template_root() -> Path:
    """Return the folder of this installation's templates."""
    return find_templates(_PACKAGE)


def _demand_filter(value: object) -> str:
    if not isinstance(value, Rendered):
        raise TypeError(f"a template prints a {type(value).__name__} without a typed filter")
    return value


def _defined(typed: Callable[..., Rendered]) -> Callable[..., Rendered]:
    """Let a filter report a name that was not given by that name."""

    @wraps(typed)
    def checked(value: object, *args: object) -> Rendered:
        if isinstance(value, jinja2.Undefined):
            str(value)  # raises UndefinedError with the name
        return typed(value, *args)

    return checked


@cache
def environment(root: Path) -> jinja2.Environment:
    """Return the Jinja environment over the templates in `root`: strict, plain text, typed."""
    # Jinja offers autoescape for HTML only; here the filter names the target of each value.
    result = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root, encoding="utf-8"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_demand_filter,
    )
    result.filters.clear()
    result.filters.update({name: _defined(typed) for name, typed in FILTERS.items()})
    result.globals.clear()
    return result


def render(template: str, **values: object) -> str:
    """Fill in one template.

    Parameters
    ----------
    template : str
        Path below the templates folder, such as ``"numpy/module.py.j2"``.
    **values : object
        What the template names; a name that it uses and that is not given is an error.

    Returns
    -------
    str
        The text, ending as the template ends.
    """
    return environment(template_root()).get_template(template).render(values)


@cache
def support_text(name: str) -> str:
    """Return the text of one C support header, such as ``"gradc_env.h"``."""
    return (template_root() / "c" / "support" / name).read_text(encoding="utf-8")
