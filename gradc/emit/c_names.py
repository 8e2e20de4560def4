"""The words that C and C++ and their standard headers keep for themselves."""

from gradc.emit.names import Language

__all__ = ["MATH", "C", "keep_clear"]

_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline
    int long register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while
    alignas alignof bool constexpr false nullptr static_assert thread_local true typeof
    typeof_unqual
    and and_eq asm bitand bitor catch char8_t char16_t char32_t class co_await co_return co_yield
    compl concept consteval constinit const_cast decltype delete dynamic_cast explicit export
    friend mutable namespace new noexcept not not_eq operator or or_eq private protected public
    reinterpret_cast requires static_cast template this throw try typeid typename using virtual
    wchar_t xor xor_eq fortran entry
"""
_MACROS = """
    assert errno linux unix i386 mips arm sun vax near far small interface signals slots emit
    complex imaginary I NULL EOF NAN INFINITY HUGE_VAL HUGE_VALF HUGE_VALL BUFSIZ CHAR_BIT
    DBL_MAX DBL_MIN DBL_EPSILON FLT_MAX FLT_MIN FLT_EPSILON INT_MAX INT_MIN LONG_MAX LONG_MIN
    M_E M_PI M_PI_2 M_PI_4 M_1_PI M_2_PI M_2_SQRTPI M_SQRT2 M_SQRT1_2 M_LN2 M_LN10 M_LOG2E M_LOG10E
    OVERFLOW UNDERFLOW DOMAIN SING PLOSS TLOSS HUGE TRUE FALSE
    stdin stdout stderr offsetof va_list va_arg va_start va_end va_copy setjmp min max
    fpclassify isfinite isinf isnan isnormal signbit isgreater isgreaterequal isless islessequal
    islessgreater isunordered
"""
_TYPES = """
    size_t ssize_t ptrdiff_t max_align_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t
    uint64_t intmax_t uintmax_t intptr_t uintptr_t float_t double_t div_t ldiv_t FILE
"""
_MATH = """
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs
    fdim floor fma fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log log10 log1p log2
    logb lrint lround modf nan nearbyint nextafter nexttoward pow remainder remquo rint round
    scalbln scalbn sin sinh sqrt tan tanh tgamma trunc
"""
_LIBRARY = """
    abs labs llabs memcpy memmove memset memcmp strlen strcpy malloc calloc realloc free exit abort
    printf main index rindex
"""
MATH = frozenset(name + suffix for name in _MATH.split() for suffix in ("", "f", "l"))
"""The functions of ``math.h``."""

_AROUND = ("part", "chunk", "shared", "with", "rest", "call", "arena")

C = Language(
    "c",
    frozenset(
        {
            *_KEYWORDS.split(),
            *_MACROS.split(),
            *_TYPES.split(),
            *_LIBRARY.split(),
            *MATH,
        }
    ),
)
"""Reserved in generated C: C99 to C23, C++, their headers' macros and types, and libm."""


def keep_clear(symbol: str) -> set[str]:
    """Return the names that the frame of a generated function uses itself."""
    around = {f"{symbol}_{what}" for what in _AROUND}
    inside = {"arena", "env", "scratch", "shared", "chunk", "buffers", "dims"}
    return {symbol, *inside, *around}
