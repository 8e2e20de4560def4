"""The type of an array value: a dtype and a shape."""

from collections.abc import Iterable

import numpy as np

from gradc.ir.dims import Dim, Shape, product, static_shape
from gradc.records import dataclass

__all__ = [
    "BOOL",
    "FLOAT32",
    "FLOAT64",
    "INT64",
    "SUPPORTED_DTYPES",
    "ArrayType",
    "TupleType",
    "is_float",
]

BOOL = np.dtype(np.bool_)
INT64 = np.dtype(np.int64)
FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)

SUPPORTED_DTYPES: tuple[np.dtype, ...] = tuple(
    np.dtype(code) for code in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
)


@dataclass(frozen=True, slots=True)
class ArrayType:
    """dtype (native byte order) and shape of one array value.

    Examples
    --------
    >>> print(ArrayType.of("f8", 4, 3))
    f8[4, 3]
    """

    dtype: np.dtype
    shape: Shape

    @classmethod
    def of(cls, dtype: object, *shape: Dim) -> "ArrayType":
        """Build a type from anything NumPy takes for a dtype."""
        return cls(np.dtype(dtype), shape)  # type: ignore[call-overload]

    @classmethod
    def like(cls, value: object) -> "ArrayType":
        """Return the type of an array or scalar."""
        array = np.asarray(value)
        return cls(array.dtype, array.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> Dim:
        """Number of elements."""
        return product(self.shape)

    @property
    def nbytes(self) -> Dim:
        """Number of bytes."""
        return self.size * self.dtype.itemsize

    @property
    def extents(self) -> tuple[int, ...]:
        """The shape as integers; ``ValueError`` when an extent is symbolic."""
        return static_shape(self.shape)

    def with_shape(self, shape: Iterable[Dim]) -> "ArrayType":
        """Return the same dtype with another shape."""
        return ArrayType(self.dtype, tuple(shape))

    def with_dtype(self, dtype: object) -> "ArrayType":
        """Return the same shape with another dtype."""
        return ArrayType(np.dtype(dtype), self.shape)  # type: ignore[call-overload]

    def __str__(self) -> str:
        """Write ``f8[4, 3]``."""
        name = "bool" if self.dtype == BOOL else self.dtype.str[1:]
        return f"{name}[{', '.join(str(d) for d in self.shape)}]"


@dataclass(frozen=True, slots=True)
class TupleType(ArrayType):
    """The type of a node with several results, such as a loop; ``project`` picks one of them.

    As an array type it is empty and of truth values, so nothing mistakes it for data.
    """

    items: tuple[ArrayType, ...] = ()

    @classmethod
    def of_items(cls, items: Iterable[ArrayType]) -> "TupleType":
        """Return the type of a tuple of arrays."""
        return cls(BOOL, (0,), tuple(items))

    def __str__(self) -> str:
        """Write the types in parentheses."""
        return f"({', '.join(str(item) for item in self.items)})"


def is_float(dtype: np.dtype) -> bool:
    """Tell whether a value of this dtype can carry a derivative."""
    return dtype.kind == "f"
