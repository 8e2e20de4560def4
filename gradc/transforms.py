"""Transforms: ``grad``, ``value_and_grad``, ``vjp``, ``jvp``, ``jacobian``, ``hvp``, ``vmap``.

Each transform makes a :class:`~gradc.api.Function`.  While another function is being traced, it is
inlined there, so transforms nest, and a training step with its gradient is one compiled function.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gradc.api import Function, options_of
from gradc.errors import ArgumentError
from gradc.rules import AnyFunction, Checkpointed, Forward, Gradient, Hvp, Jacobian, Map

if TYPE_CHECKING:
    from gradc.arguments import Argnums

__all__ = [
    "checkpoint",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "value_and_grad",
    "vjp",
    "vmap",
]


def grad(
    fn: AnyFunction, argnums: "Argnums" = 0, *, has_aux: bool = False, **options: Any
) -> Function:
    """Return the gradient of a scalar function.

    Parameters
    ----------
    fn : callable
        A plain NumPy function (or a gradc ``Function``) that returns one floating-point number, or
        ``(number, aux)`` with ``has_aux``.
    argnums : int, str or sequence of those
        Which arguments to differentiate by, by position or name.
    has_aux : bool
        The function also returns something that is passed through: the result is
        ``(gradient, aux)``.
    **options
        See :class:`gradc.Options`.

    Returns
    -------
    Function
        Takes the arguments of ``fn``; returns a tree like the argument, or a tuple of such trees
        when ``argnums`` is a sequence.

    Raises
    ------
    DerivativeError
        At the call: the result is no scalar, or does not depend on an argument asked for.

    Examples
    --------
    >>> grad(lambda x: (3 * x + 1) ** 2, backend="numpy")(1.0)
    np.float64(24.0)
    """
    return _derived(fn, Gradient(fn, argnums, has_aux, with_value=False), "grad", options)


def value_and_grad(
    fn: AnyFunction, argnums: "Argnums" = 0, *, has_aux: bool = False, **options: Any
) -> Function:
    """Return value and gradient of a scalar function, computed together.

    Takes what :func:`grad` takes; the result is ``(value, gradient)``, or ``((value, aux),
    gradient)`` with ``has_aux``.
    """
    rule = Gradient(fn, argnums, has_aux, with_value=True)
    return _derived(fn, rule, "value_and_grad", options)


def checkpoint(fn: AnyFunction, **options: Any) -> Function:
    """Return the same function; derivatives compute its inner values again rather than keep them.

    Inside a function that is differentiated, only what goes into ``fn`` and what comes out is kept
    for the backward part.  In a loop whose turn is one checkpointed call, that is what the loop
    carries::

        for x in xs:
            h = gradc.checkpoint(step)(h, x)

    Time grows by one more run of ``fn``.  Calls inside a checkpointed call are part of it.
    """
    return _derived(fn, Checkpointed(fn), "checkpoint", options)


def jacobian(fn: AnyFunction, argnums: "Argnums" = 0, **options: Any) -> Function:
    """Return the matrix of all partial derivatives of an array function.

    For a result of shape ``s`` and an argument of shape ``t`` the Jacobian has shape ``s + t``.  It
    is computed by rows (reverse mode) or by columns (forward mode), whichever are fewer: a few one
    by one, many in a loop whose body is one sweep, so that the code does not grow with the matrix.
    """
    return _derived(fn, Jacobian(fn, argnums), "jacobian", options)


def hessian(fn: AnyFunction, argnums: int | str = 0, **options: Any) -> Function:
    """Return the matrix of second derivatives of a scalar function, shape ``t + t``.

    It is computed by forward mode over the gradient, as :func:`jacobian` does it.
    """
    rule = Jacobian(grad(fn, argnums), argnums, symmetric=True)
    return _derived(fn, rule, "hessian", options)


def hvp(
    fn: AnyFunction,
    primals: Sequence[Any] | None = None,
    tangents: Sequence[Any] | None = None,
    **options: Any,
) -> Any:
    """Return the product of the Hessian of a scalar function by a vector.

    ``hvp(fn, (x, ...), (v, ...))`` gives the derivative along ``v`` of the gradient by the first
    argument, without the matrix.  ``hvp(fn)`` alone returns the function of ``primals, tangents``.
    """
    made = _remembered(fn, "hvp", options, lambda: _derived(fn, Hvp(fn), "hvp", options))
    return made if primals is None else made(tuple(primals), _paired("hvp", primals, tangents))


def jvp(
    fn: AnyFunction,
    primals: Sequence[Any] | None = None,
    tangents: Sequence[Any] | None = None,
    **options: Any,
) -> Any:
    """Return value and directional derivative: the Jacobian times a vector, by forward mode.

    ``jvp(fn, (x, y), (x_dot, y_dot))`` gives ``(value, value_dot)``.  ``jvp(fn)`` alone returns the
    function of ``primals, tangents``.
    """
    made = _remembered(fn, "jvp", options, lambda: _derived(fn, Forward(fn), "jvp", options))
    return made if primals is None else made(tuple(primals), _paired("jvp", primals, tangents))


def vjp(fn: AnyFunction, *primals: Any, **options: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return the value and a pullback: cotangents times the Jacobian, by reverse mode.

    ``value, pullback = vjp(fn, x, y)``; ``pullback(value_bar)`` gives ``(x_bar, y_bar)``.  What the
    backward part needs of the forward part is kept between the two.
    """
    forward = _remembered(fn, "vjp", options, lambda: _pullback(fn, options))
    value, residuals, pullback = forward(*primals)
    return value, lambda ct: pullback(residuals, ct)


def vmap(fn: AnyFunction, in_axes: Any = 0, out_axes: Any = 0, **options: Any) -> Function:
    """Return the function of one element as a function of many.

    Parameters
    ----------
    fn : callable
        A plain NumPy function (or a gradc ``Function``: a gradient, a Jacobian, another ``vmap``)
        of one element.
    in_axes : int, None or a tuple, list or dict of those
        Along which axis of each argument the elements lie; None: all elements share it.  One
        entry for each positional argument, or a single one for all; an entry may be a tree that is
        a prefix of its argument.  Arguments passed by name are mapped along their first axis.
    out_axes : int or a tuple, list or dict of those
        Where the results have the axis of the elements; a prefix of the result.
    **options
        See :class:`gradc.Options`.

    Returns
    -------
    Function
        Takes the arguments with the additional axis; returns the results with it.

    Raises
    ------
    ArgumentError
        At the call: the axes do not fit the arguments, or the numbers of elements differ.
    UnsupportedError
        At the call: the function draws random numbers.

    Notes
    -----
    The function is recorded once, for one element.  It becomes the body of a loop whose turns do
    not depend on each other: the size of the code does not depend on the number of elements, and a
    ``while`` or an ``if`` inside runs for each element by itself.  The derivative of the loop is
    one, too; what the elements share gets the sum of what they give.

    Examples
    --------
    >>> rows = np.arange(6.0).reshape(3, 2)
    >>> vmap(lambda row, v: row @ v, in_axes=(0, None), backend="numpy")(rows, np.ones(2))
    array([1., 5., 9.])
    """
    return _derived(fn, Map(fn, in_axes, out_axes), "vmap", options)


def _remembered(
    fn: AnyFunction, kind: str, options: dict[str, Any], make: Callable[[], Function]
) -> Function:
    """Return the same compiled function when a transform is applied to ``fn`` again."""
    try:
        known: dict[Any, Function] = fn.__dict__.setdefault("_gradc_transforms", {})
    except AttributeError:  # a builtin or a bound method: nothing is kept
        return make()
    key = (kind, *sorted(options.items()))
    if key not in known:
        known[key] = make()
    return known[key]


def _pullback(fn: AnyFunction, options: dict[str, Any]) -> Function:
    module = importlib.import_module("gradc.pullbacks")
    return module.pullback_function(fn, options_of(fn, options))  # type: ignore[no-any-return]


def _paired(name: str, primals: Sequence[Any], tangents: Sequence[Any] | None) -> tuple[Any, ...]:
    if tangents is None or len(tangents) != len(primals):
        count = 0 if tangents is None else len(tangents)
        raise ArgumentError(
            f"{name} got {len(primals)} arguments and {count} tangents",
            repair="pass one tangent for each argument",
        )
    return tuple(tangents)


def _derived(fn: AnyFunction, rule: Any, suffix: str, options: dict[str, Any]) -> Function:
    if not callable(fn):
        raise ArgumentError(
            f"{suffix} takes a function, not {fn!r}", repair="pass the function, not its result"
        )
    name = f"{getattr(fn, '__name__', 'function')}_{suffix}"
    return Function(rule, options_of(fn, options), name=name, derived=rule)
