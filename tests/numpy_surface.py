"""The first tier of NumPy: every name, operator, method, index and keyword, as expressions.

The expressions are written over a few arguments: ``x y`` (3, 4), ``v w`` (4,), ``A`` (4, 4) and
``S`` (4, 4, positive definite), all with elements between 0 and 1 but for the matrices' diagonals.
Masks and positions are not arguments: ``C`` (3, 4) booleans, ``K`` (2, 4) positions up to 2.
"""

import numpy as np

__all__ = ["ARGUMENTS", "CONSTANTS", "NAMES", "PARTS", "arguments", "expressions"]

ARGUMENTS = ("x", "y", "v", "w", "A", "S")
CONSTANTS = {
    "C": np.array([[1, 0, 1, 1], [0, 1, 1, 0], [0, 0, 1, 1]], bool),
    "K": np.array([[0, 2, 2, 1], [1, 0, 2, 2]]),
    "M": np.array([True, False, True]),
}


SEED = 12


def arguments(kind="f8"):
    """Draw the arguments: reals well apart, small integers or truth values of the same shapes."""
    rng = np.random.default_rng(SEED)
    grid = (rng.permutation(60) + 0.5) / 62.0 + 0.01
    parts = np.split(grid, [12, 24, 28, 32, 48])
    x, y, v, w, a = (
        p.reshape(s) for p, s in zip(parts, ((3, 4), (3, 4), 4, 4, (4, 4)), strict=False)
    )
    a = a + 3.0 * np.eye(4)
    found = {"x": x, "y": y, "v": v, "w": w, "A": a, "S": a @ a.T}
    dtype = np.dtype(kind)
    if dtype.kind in "iu":
        return {name: (np.floor(9 * value) + 1).astype(dtype) for name, value in found.items()}
    if dtype.kind == "b":
        return {name: value > 0.5 for name, value in found.items()}
    return {name: value.astype(dtype) for name, value in found.items()}


def _unary(names, of="x"):
    return {name: [f"np.{name}({of})"] for name in names.split()}


def _binary(names, a="x", b="y"):
    return {name: [f"np.{name}({a}, {b})", f"np.{name}({a}, 0.7)"] for name in names.split()}


_REDUCTIONS = ("sum", "prod", "mean", "var", "std", "max", "min", "amax", "amin", "ptp")
_REDUCTIONS += ("cumsum", "cumprod", "diff")
_TYPES = ("float32", "float64", "int32", "int64", "intp", "bool_")
_OUTER = ("add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "arctan2")
_OUTER += ("hypot", "fmod", "remainder", "floor_divide", "logaddexp", "greater", "less", "equal")
_OUTER += ("copysign", "fmax", "fmin")

NAMES: dict[str, dict[str, list[str]]] = {
    "arithmetic": {
        **_binary("add subtract multiply divide true_divide floor_divide remainder mod fmod"),
        **_unary("negative positive square sqrt cbrt reciprocal absolute abs fabs sign"),
        **_binary("power float_power copysign hypot"),
    },
    "exp, log, trig": {
        **_unary("exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan"),
        **_unary("sinh cosh tanh arcsinh arctanh deg2rad rad2deg degrees radians sinc"),
        **_unary("arccosh", "x + 1.5"),
        **_binary("logaddexp logaddexp2 arctan2"),
    },
    "selection and clipping": {
        **_binary("maximum minimum fmax fmin heaviside"),
        "clip": ["np.clip(x, 0.2, 0.8)", "np.clip(x, y, None)", "np.clip(x, min=0.3)"],
        "where": ["np.where(C, x, y)", "np.where(x > 0.5, x, 0.0)"],
        "select": ["np.select([C, x > 0.5], [x, y], 0.5)", "np.select([C], [x])"],
        "nan_to_num": ["np.nan_to_num(x)", "np.nan_to_num(np.where(C, np.nan, x), nan=0.5)"],
    },
    "piecewise constant": {
        **_unary("floor ceil trunc rint", "3.0 * x"),
        "round": ["np.round(3.0 * x)", "np.round(x, 1)"],
    },
    "predicates": {
        **_binary("equal not_equal less less_equal greater greater_equal"),
        **_binary("logical_and logical_or logical_xor", "C", "x > 0.5"),
        **_unary("logical_not isnan isinf isfinite"),
        "isclose": ["np.isclose(x, y)", "np.isclose(x, x + 1e-9)"],
        "allclose": ["np.allclose(x, y)"],
        "array_equal": ["np.array_equal(x, y)", "np.array_equal(x, x)"],
        "any": ["np.any(x > 0.5)", "np.any(x > 0.9, axis=1)"],
        "all": ["np.all(x > 0.5)", "np.all(x > 0.1, axis=0)"],
        "count_nonzero": ["np.count_nonzero(x > 0.5)", "np.count_nonzero(x > 0.5, axis=0)"],
        "argmax": ["np.argmax(x)", "np.argmax(x, axis=1)"],
        "argmin": ["np.argmin(x)", "np.argmin(x, axis=0)"],
        "argsort": ["np.argsort(v)", "np.argsort(x, axis=0)"],
    },
    "reductions and scans": {
        name: [f"np.{name}(x)", f"np.{name}(x, axis=0)"]
        for name in [
            "sum",
            "prod",
            "mean",
            "var",
            "std",
            "max",
            "min",
            "amax",
            "amin",
            "ptp",
            "cumsum",
            "cumprod",
            "diff",
        ]
    }
    | {
        "average": ["np.average(x)", "np.average(x, axis=1, weights=v)"],
        "diff": ["np.diff(x)", "np.diff(x, n=2, axis=0)"],
    },
    "shape and layout": {
        "reshape": ["np.reshape(x, (2, 6))", "np.reshape(x, -1, order='F')"],
        "ravel": ["np.ravel(x)", "np.ravel(x, order='F')"],
        "transpose": ["np.transpose(x)", "np.transpose(x[None], (2, 0, 1))"],
        "moveaxis": ["np.moveaxis(x[None], 0, -1)"],
        "swapaxes": ["np.swapaxes(x, 0, 1)"],
        "expand_dims": ["np.expand_dims(x, (0, 2))"],
        "squeeze": ["np.squeeze(x[None, :, None])"],
        "broadcast_to": ["np.broadcast_to(v, (2, 3, 4))"],
        "broadcast_arrays": ["np.broadcast_arrays(x, v)"],
        "concatenate": ["np.concatenate([x, y])", "np.concatenate((x, y), axis=1)"],
        "stack": ["np.stack([x, y])", "np.stack([x, y], axis=-1)"],
        "vstack": ["np.vstack([x, v])"],
        "hstack": ["np.hstack([x, y])"],
        "column_stack": ["np.column_stack([v, w])"],
        "split": ["np.split(v, 2)", "np.split(x, [1, 3], axis=1)"],
        "array_split": ["np.array_split(v, 3)"],
        "flip": ["np.flip(x)", "np.flip(x, 0)"],
        "roll": ["np.roll(x, 2)", "np.roll(x, (1, 2), axis=(0, 1))"],
        "repeat": ["np.repeat(x, 2)", "np.repeat(x, [1, 0, 2], axis=0)"],
        "tile": ["np.tile(x, (2, 1))"],
        "atleast_1d": ["np.atleast_1d(v[0])"],
        "atleast_2d": ["np.atleast_2d(v)"],
        "shape": ["np.zeros(np.shape(x))"],
        "ndim": ["x * np.ndim(x)"],
        "size": ["x * np.size(x)"],
    },
    "construction": {
        "array": ["np.array([v[0], 2.0 * w[1], 3.0])", "np.array([v, w])"],
        "asarray": ["np.asarray(x) * 2.0", "np.asarray([v, w])"],
        "zeros": ["x + np.zeros((3, 4))"],
        "ones": ["x + np.ones(4)"],
        "empty": ["x + 0.0 * np.ones_like(np.empty(4))"],
        "full": ["np.full((2, 3), v[0])"],
        "zeros_like": ["np.zeros_like(x) + v"],
        "ones_like": ["np.ones_like(x) * v"],
        "empty_like": ["np.ones_like(np.empty_like(x)) * v"],
        "full_like": ["np.full_like(x, v[1])"],
        "arange": ["v * np.arange(4)", "v * np.arange(1.0, 3.0, 0.5)"],
        "linspace": ["np.linspace(v[0], v[1], 5)", "v * np.linspace(0.0, 1.0, 4)"],
        "eye": ["A * np.eye(4)", "A * np.eye(4, k=1)"],
        "identity": ["A * np.identity(4)"],
        "diag": ["np.diag(v)", "np.diag(A, 1)"],
        "tril": ["np.tril(A)", "np.tril(A, -1)"],
        "triu": ["np.triu(A)", "np.triu(A, 1)"],
        "meshgrid": ["np.meshgrid(v, w)", "np.meshgrid(v, w, indexing='ij')"],
        "copy": ["np.copy(x)"],
    },
    "indexing functions": {
        "take": ["np.take(x, K)", "np.take(x, [2, 0, 0], axis=1)"],
        "take_along_axis": ["np.take_along_axis(x, K, 0)"],
        "diagonal": ["np.diagonal(A)", "np.diagonal(A, 1)"],
        "ix_": ["A[np.ix_([0, 2], [1, 3, 3])]"],
    },
    "products and linear algebra": {
        "dot": ["np.dot(x, v)", "np.dot(v, w)", "np.dot(x, A)"],
        "vdot": ["np.vdot(x, y)"],
        "inner": ["np.inner(x, y)"],
        "outer": ["np.outer(v, w)"],
        "matmul": ["np.matmul(x, A)", "np.matmul(A[None], A)"],
        "vecdot": ["np.vecdot(x, y)"],
        "tensordot": ["np.tensordot(x, y)", "np.tensordot(x, A, axes=(1, 0))"],
        "einsum": ["np.einsum('ij,j->i', x, v)", "np.einsum('ii', A)"],
        "trace": ["np.trace(A)"],
        "kron": ["np.kron(v, w)"],
        "cross": ["np.cross(v[:3], w[1:])"],
        "linalg.norm": ["np.linalg.norm(x)", "np.linalg.norm(x, axis=1)", "np.linalg.norm(v, 1)"],
        "linalg.solve": ["np.linalg.solve(A, v)", "np.linalg.solve(A, A + S)"],
        "linalg.inv": ["np.linalg.inv(A)", "np.linalg.inv(np.stack([A, S]))"],
        "linalg.det": ["np.linalg.det(A)"],
        "linalg.slogdet": ["np.linalg.slogdet(A)"],
        "linalg.cholesky": ["np.linalg.cholesky(S)"],
    },
    "sorting": {"sort": ["np.sort(x)", "np.sort(x, axis=0)", "np.sort(x, axis=None)"]},
}

_OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "@", "==", "!=", "<", "<=", ">", ">="]
_METHODS = (
    "sum() prod() mean() var() std() max() min() argmax() argmin() cumsum() cumprod() ravel() "
    "flatten() transpose() copy() round() sum(axis=1) std(axis=0,ddof=1) reshape(4,3) "
    "reshape((6,2)) swapaxes(0,1) repeat(2) take([1,0],axis=0) clip(0.2,0.8) astype(np.float32) "
    "max(axis=1,keepdims=True) any() all()"
)


def _block(*lines):
    """Write statements as one expression: a function that is called at once."""
    return "\n".join(lines)


PARTS: dict[str, dict[str, list[str]]] = {
    "operators": {
        **{op: [f"A {op} v" if op == "@" else f"x {op} y", f"v {op} w"] for op in _OPERATORS},
        **{"unary -": ["-x"], "unary +": ["+x"], "abs()": ["abs(x)"]},
        **{"&": ["(x > 0.5) & C"], "|": ["(x > 0.5) | C"], "~": ["~(x > 0.5)"]},
        **{
            f"{op}=": [_block("z = x.copy()", f"z {op}= y", "return z")]
            for op in ("+", "-", "*", "/", "//", "**", "%")
        },
    },
    "methods": {
        **{f".{m.partition('(')[0]}": [] for m in _METHODS.split()},
        ".squeeze": ["x[None].squeeze()"],
        ".dot": ["x.dot(v)"],
        ".trace": ["A.trace()"],
        ".diagonal": ["A.diagonal()"],
        ".fill": [_block("z = x * 1.0", "z.fill(0.5)", "return z + x")],
        ".sort": [_block("z = x.copy()", "z.sort()", "return z")],
        ".argsort": ["v.argsort()"],
    },
    "attributes": {
        ".T": ["x.T"],
        ".shape": ["x * x.shape[0]"],
        ".ndim": ["x * x.ndim"],
        ".size": ["x * x.size"],
        ".dtype": ["np.zeros(3, x.dtype) + v[:3]"],
        ".itemsize": ["x * x.itemsize"],
        ".nbytes": ["x * x.nbytes"],
    },
    "constants and types": {
        **{n: [f"x * np.{n}"] for n in ("pi", "e", "euler_gamma")},
        **{"inf": ["np.minimum(x, np.inf)"], "nan": ["np.fmax(x, np.nan)"]},
        **{"newaxis": ["x[:, np.newaxis] * v"]},
        **{t: [f"x.astype(np.{t})"] for t in _TYPES},
    },
    "indexing": {
        "integer": ["x[1]", "x[-1, 2]", "v[3]"],
        "slice": ["x[1:]", "x[::-1, 1:3]", "v[3:0:-2]", "v[5:]"],
        "ellipsis": ["x[..., 1]", "x[...]"],
        "newaxis": ["x[:, None]", "v[None, ::2, None]"],
        "integer array": ["v[[0, 2, 2, -1]]", "x[K]", "x[:, [3, 0]]"],
        "several integer arrays": ["x[[0, 2], [1, 3]]", "x[[[0], [2]], [1, 3]]"],
        "boolean mask": [
            "x[C].sum()",
            "np.mean(x[M])",
            "np.sum(v[v > 0.4] ** 2)",
            "(x[C] * 2.0).std()",
        ],
        **{
            f"{kind}: assigned": [
                _block("z = x * 1.0", f"z[{key}] = {value}", "return z") for key, value in writes
            ]
            + [
                _block("z = x * 1.0", f"z[{key}] {op}= {value}", "return z")
                for op in ("+", "*")
                for key, value in writes
            ]
            for kind, writes in {
                "integer": [("1", "v"), ("-1, 2", "w[0]")],
                "slice": [("1:", "y[1:]"), ("::-1, 1:3", "0.5")],
                "ellipsis": [("..., 1", "v[:3]")],
                "integer array": [("[0, 2, 2]", "y"), (":, [3, 0]", "y[:, :2]")],
                "several integer arrays": [("[0, 2], [1, 3]", "v[:2]")],
                "boolean mask": [("C", "0.5"), ("M", "v"), ("x > 0.5", "v[0]")],
            }.items()
        },
        "views share memory": [
            _block("z = x * 1.0", "r = z[1]", "z[1, 2] = v[0]", "r[0] = 2.0", "return z + r"),
            _block("z = x * 1.0", "t = z.T.reshape(4, 3)", "t[2] *= v[0]", "return z"),
        ],
    },
    "ufunc methods": {
        **{
            f"{name}.reduce": [f"np.{name}.reduce(x)", f"np.{name}.reduce(x, axis=1)"]
            for name in ["add", "multiply", "maximum", "minimum"]
        },
        **{
            f"{name}.reduce": [f"np.{name}.reduce(x > 0.5)"]
            for name in ("logical_and", "logical_or")
        },
        **{f"{name}.accumulate": [f"np.{name}.accumulate(x)"] for name in ("add", "multiply")},
        **{
            f"{name}.outer": [f"np.{name}.outer(v, w)"]
            for name in [
                "add",
                "subtract",
                "multiply",
                "divide",
                "power",
                "maximum",
                "minimum",
                "arctan2",
                "hypot",
                "fmod",
                "remainder",
                "floor_divide",
                "logaddexp",
                "greater",
                "less",
                "equal",
                "copysign",
                "fmax",
                "fmin",
            ]
        },
        "add.at": [
            _block("z = x * 1.0", "np.add.at(z, ([0, 0, 2], [1, 1, 3]), v[:3])", "return z")
        ],
    },
    "keywords": {
        "axis": ["np.sum(x, axis=(0, 1))", "np.max(x, axis=-1)", "np.mean(x, axis=None)"],
        "keepdims": ["np.sum(x, axis=1, keepdims=True)", "np.std(x, keepdims=True)"],
        "dtype": ["np.sum(x, dtype=np.float64)", "np.add(x, y, dtype=np.float64)"],
        "ddof": ["np.var(x, axis=0, ddof=1)", "np.std(x, ddof=2)"],
        "initial": ["np.sum(x, initial=2.0)", "np.max(x, axis=0, initial=0.5)"],
        "where": [
            "np.sum(x, where=C)",
            "np.mean(x, axis=1, where=C)",
            "np.max(x, where=C, initial=0.0)",
            "np.add(x, y, where=C, out=x * 1.0)",
        ],
        "out": [
            _block("z = np.zeros((3, 4))", "np.add(x, y, out=z)", "return z"),
            _block("z = np.zeros(4)", "np.sum(x, axis=0, out=z)", "return z"),
        ],
        "order": ["np.reshape(x, (6, 2), order='F')", "x.ravel(order='F')"],
    },
}
for _call in _METHODS.split():
    PARTS["methods"][f".{_call.partition('(')[0]}"].append(f"x.{_call}")


_ARRAY = ("C", "M", "np.array([True, False, True, True])")
KEYWORDS: dict[str, tuple[str, ...]] = {
    "axis": ("0", "-1", "1", "(0, 1)", "None", "5"),
    "axes": ("(1, 0)", "1"),
    "keepdims": ("True",),
    "dtype": ("np.float32", "np.float64", "np.int64"),
    "ddof": ("1",),
    "correction": ("1",),
    "mean": ("0.5",),
    "initial": ("0.5",),
    "where": _ARRAY,
    "out": ("np.zeros((3, 4))", "np.zeros(4)", "np.zeros((4, 4))"),
    "order": ("'C'", "'F'", "'K'", "'A'"),
    "casting": ("'unsafe'", "'same_kind'", "'no'"),
    "subok": ("False", "True"),
    "signature": ("'dd->d'",),
    "kind": ("'stable'", "'heapsort'"),
    "stable": ("True",),
    "mode": ("'clip'", "'wrap'", "'raise'"),
    "decimals": ("2", "-1"),
    "k": ("1", "-1"),
    "n": ("2", "0"),
    "prepend": ("0.0", "x[:, :1]"),
    "append": ("1.0",),
    "weights": ("v", "y"),
    "returned": ("True",),
    "copy": ("True", "False"),
    "nan": ("0.5",),
    "posinf": ("1.0",),
    "neginf": ("-1.0",),
    "min": ("0.3",),
    "max": ("0.6",),
    "a_min": ("0.2",),
    "a_max": ("0.7",),
    "rtol": ("0.1",),
    "atol": ("0.5",),
    "equal_nan": ("True",),
    "offset": ("1",),
    "axis1": ("1",),
    "axis2": ("0",),
    "axisa": ("0",),
    "axisb": ("0",),
    "axisc": ("0",),
    "shift": ("1",),
    "indexing": ("'ij'",),
    "sparse": ("True",),
    "endpoint": ("False",),
    "num": ("3",),
    "retstep": ("True",),
    "shape": ("(2, 6)", "(3, 4)"),
    "newshape": ("(2, 6)",),
    "ndmin": ("3",),
    "like": ("None",),
    "device": ("None", "'cpu'"),
    "upper": ("True",),
    "ord": ("1", "np.inf", "2"),
    "optimize": ("True",),
    "default": ("0.25",),
    "fill_value": ("2.0",),
    "M": ("3",),
    "N": ("3",),
    "start": ("0.0",),
    "step": ("2",),
    "stop": ("3",),
    "reps": ("2",),
    "repeats": ("2",),
    "source": ("0",),
    "destination": ("1",),
    "max_rows": ("1",),
    "out_dtype": (),
}
"""What is tried for each keyword of NumPy's own signatures."""


def keyword_expressions(name: str, text: str, keywords) -> list[str]:
    """Write a name's first call once more with each keyword that it does not name yet."""
    head, tail = text[: text.rindex(")")], text[text.rindex(")") :]
    given = [key for key in keywords if f"{key}=" not in text]
    return [
        f"{head}, {key}={value}{tail}" for key in given for value in KEYWORDS.get(key, ("None",))
    ]


def expressions(part: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Return the name and the text of every expression of a part."""
    return [(name, text) for name, texts in part.items() for text in texts]
