"""Which functions may be found by their fingerprint: asked once, before one is stored.

A fingerprint holds what a function names.  Here its instructions are gone through, so that what it
names is all that it can reach, and so that running it changes nothing but what it made itself:

* it stores into no variable from outside and into no attribute, imports nothing, makes no class;
* it reads attributes only by names in ``_ATTRIBUTES``: those of arrays, numbers, strings and plain
  containers, which lead to values of these kinds only, and have no effect outside;
* what it takes from NumPy, Python and gradc is in the lists below or is recorded by the tracer:
  nothing that draws, reads a clock, a file, an address or the order of a set;
* every instruction is one of ``_INSTRUCTIONS``: a new version of Python brings new ones, and a
  function with one that is not known here is not stored.

By induction over a run, a function of that kind computes from what its fingerprint holds.
"""

import dis
import math
from collections.abc import Iterable
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from gradc.capture.dispatch import TABLE
from gradc.capture.rewrite import rewritten_code
from gradc.capture.ufuncs import is_declared
from gradc.fingerprint import Fingerprint

__all__ = ["is_closed"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_INSTRUCTIONS = _words("""
BEFORE_WITH BINARY_OP BINARY_SLICE BINARY_SUBSCR BUILD_CONST_KEY_MAP BUILD_LIST BUILD_MAP
BUILD_SLICE BUILD_STRING BUILD_TUPLE CACHE CALL CALL_FUNCTION_EX CALL_INTRINSIC_1 CALL_KW
CHECK_EXC_MATCH COMPARE_OP CONTAINS_OP CONVERT_VALUE COPY COPY_FREE_VARS DELETE_FAST DELETE_SUBSCR
DICT_MERGE DICT_UPDATE END_FOR EXTENDED_ARG FORMAT_SIMPLE FORMAT_VALUE FORMAT_WITH_SPEC FOR_ITER
GET_ITER GET_LEN IS_OP JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT JUMP_FORWARD
JUMP_IF_FALSE_OR_POP JUMP_IF_TRUE_OR_POP KW_NAMES LIST_APPEND LIST_EXTEND LIST_TO_TUPLE
LOAD_ASSERTION_ERROR LOAD_ATTR LOAD_CLOSURE LOAD_CONST LOAD_DEREF LOAD_FAST LOAD_FAST_AND_CLEAR
LOAD_FAST_CHECK LOAD_FAST_LOAD_FAST LOAD_GLOBAL LOAD_METHOD MAKE_CELL MAKE_FUNCTION MAP_ADD
MATCH_KEYS MATCH_MAPPING MATCH_SEQUENCE
NOP POP_EXCEPT POP_JUMP_BACKWARD_IF_FALSE POP_JUMP_BACKWARD_IF_NONE
POP_JUMP_BACKWARD_IF_NOT_NONE POP_JUMP_BACKWARD_IF_TRUE POP_JUMP_FORWARD_IF_FALSE
POP_JUMP_FORWARD_IF_NONE POP_JUMP_FORWARD_IF_NOT_NONE POP_JUMP_FORWARD_IF_TRUE POP_JUMP_IF_FALSE
POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE POP_JUMP_IF_TRUE POP_TOP PRECALL PUSH_EXC_INFO PUSH_NULL
RAISE_VARARGS RERAISE RESUME RETURN_CONST RETURN_GENERATOR RETURN_VALUE SET_FUNCTION_ATTRIBUTE
STORE_DEREF STORE_FAST STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST STORE_SLICE STORE_SUBSCR SWAP
TO_BOOL UNARY_INVERT UNARY_NEGATIVE UNARY_NOT UNARY_POSITIVE UNPACK_EX UNPACK_SEQUENCE
WITH_EXCEPT_START YIELD_VALUE
""")

_ATTRIBUTES = _words("""
T all any argmax argmin argsort astype clip conj conjugate copy cumprod cumsum diagonal dot dtype
fill flatten imag item itemsize max mean min nbytes ndim nonzero prod ptp put ravel real repeat
reshape round searchsorted shape size squeeze std strides sum swapaxes take tolist trace
transpose var reduce accumulate outer at eps tiny kind name char
append clear count extend get index insert items keys pop popitem remove reverse setdefault update
values capitalize endswith isdigit join lower lstrip replace rsplit rstrip split startswith
strip title upper zfill denominator numerator is_integer bit_length start stop step
""")

_BUILTINS = _words("""
abs all any bool callable complex dict divmod enumerate filter float int isinstance iter len list
map max min next pow range reversed round slice sorted str sum tuple zip
ArithmeticError AssertionError Exception IndexError KeyError LookupError NotImplementedError
OverflowError RuntimeError StopIteration TypeError ValueError ZeroDivisionError
""")

_NUMPY = _words("""
arange bartlett bincount blackman bool broadcast_shapes can_cast diag_indices digitize dtype
errstate eye
finfo flatnonzero float32 float64 floor_divide full hamming hanning identity iinfo indices int16
int32 int64 int8 interp isin kaiser logspace geomspace ndarray ndindex nonzero ones
promote_types ravel_multi_index result_type searchsorted tri tril_indices triu_indices uint16
uint32 uint64 uint8 unravel_index vander zeros
""")

_GRADC = _words("""
checkpoint cond grad hessian hvp jacobian jvp loop scan stop_gradient value_and_grad vjp vmap
while_loop
""")

_OTHERS = {
    "builtins": _BUILTINS,
    "numpy": _NUMPY,
    "math": frozenset(vars(math)),
    "functools": frozenset(("partial", "reduce")),
    "itertools": _words("chain combinations islice permutations product repeat zip_longest"),
    "operator": _words("add mul sub truediv neg matmul getitem"),
}
_ASYNC = CO_COROUTINE | CO_ASYNC_GENERATOR | CO_ITERABLE_COROUTINE


def is_closed(found: Fingerprint) -> bool:
    """Tell whether recording a function depends on its fingerprint alone, and changes nothing."""
    return (
        all(map(_is_known, found.defined))
        and _are_closed(found.codes, found.known)
        and (all(map(_is_rewritten, found.functions)) or not _has_arrays(found))
    )


def _has_arrays(found: Fingerprint) -> bool:
    return any(isinstance(value, np.ndarray) for _, _, value in found.sites)


def _is_rewritten(function: FunctionType) -> bool:
    """Tell whether a function's source is at hand: else it reads outside arrays as they are."""
    return rewritten_code(function, True) is not None


def _is_known(value: Any) -> bool:
    """Tell whether something defined by NumPy, Python or gradc is one of those that compute."""
    home = "numpy" if isinstance(value, np.ufunc) else value.__module__
    name = value.__name__
    package = home.partition(".")[0]
    if package == "gradc":
        return name in _GRADC
    if name in _OTHERS.get("math" if home == "math" else home, ()):
        return True
    return package == "numpy" and (value in TABLE or is_declared(value))


def _are_closed(
    codes: Iterable[tuple[CodeType, frozenset[str]]], known: set[tuple[int, int]]
) -> bool:
    return all(
        not code.co_flags & _ASYNC
        and not any(isinstance(one, frozenset) for one in code.co_consts)
        and _is_code_closed(code, outside, known)
        for code, outside in codes
    )


def _is_code_closed(code: CodeType, outside: frozenset[str], known: set[tuple[int, int]]) -> bool:
    """Go through the instructions of one code object; ``outside`` are variables not its own."""
    for step in dis.get_instructions(code):
        name = step.opname
        if name not in _INSTRUCTIONS:
            return False
        if name == "STORE_DEREF" and step.argval in outside:
            return False
        read = name in ("LOAD_ATTR", "LOAD_METHOD") and step.argval not in _ATTRIBUTES
        if read and (id(code), step.offset // 2) not in known:
            return False
    return True
