"""Write ``_entry_ffi.py``, the declarations through which every compiled kernel is called.

Run by hand after a change of the declarations (``python -m gradc.native.generate_ffi``); a test
compares the result with the file in the package.  Because the result is an out-of-line cffi module,
calling a kernel needs neither a C parser nor a compiler.

>>> "gradc_entry_call" in declarations("typedef int gradc_env;")
True
"""

from pathlib import Path

from cffi import FFI

__all__ = ["declarations", "main", "module_text"]

_ENTRY = """
int32_t gradc_entry_call(void *const *buffers, const int64_t *dims);
int32_t gradc_abi(void);
const char *gradc_key(void);
"""

_GEMM = """
void {prefix}{t}gemm64_(int order, int transa, int transb, int64_t m, int64_t n, int64_t k,
    {real} alpha, const {real} *a, int64_t lda, const {real} *b, int64_t ldb, {real} beta,
    {real} *c, int64_t ldc);
void {prefix}{t}gemv64_(int order, int trans, int64_t m, int64_t n, {real} alpha, const {real} *a,
    int64_t lda, const {real} *x, int64_t incx, {real} beta, {real} *y, int64_t incy);
"""

_HEADER = Path(__file__).parents[2] / "templates" / "c" / "support" / "gradc_env.h"


def declarations(header: str) -> str:
    """Return the C declarations: ``header`` without its preprocessor lines, kernels and BLAS."""
    plain = "\n".join(line for line in header.splitlines() if not line.startswith("#"))
    blas = "".join(
        _GEMM.format(prefix=prefix, t=letter, real=real)
        for prefix in ("scipy_cblas_", "cblas_")
        for letter, real in (("s", "float"), ("d", "double"))
    )
    return plain + _ENTRY + blas


def module_text(header: str, scratch: Path) -> str:
    """Return the text of the cffi module; ``scratch`` is a folder that may be written."""
    builder = FFI()
    builder.set_source("gradc.native._entry_ffi", None)
    builder.cdef(declarations(header))
    target = scratch / "_entry_ffi.py"
    builder.emit_python_code(str(target))
    return target.read_text()


def main() -> None:
    """Rewrite the module beside this one."""
    folder = Path(__file__).parent
    module_text(_HEADER.read_text(), folder)


if __name__ == "__main__":
    main()
