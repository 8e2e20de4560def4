"""Compiling C text, keeping the result, and finding it again.

================  =============================================================================
``library``       ``library(key, make_unit) -> Loaded``: the one door to all the rest
``compiler``      ``find_toolchain() -> Toolchain``: which compiler, which flags
``cache``         ``default_cache() -> Cache``: list, verify, clear
``blas``          ``environment()``, ``describe()``: NumPy's own matrix routines, lent to kernels
``call_library``  what makes calls in C: an extension of this interpreter, built like a kernel
``ffi``           ``load_entry``: a library file to a callable entry
``private``       folders nobody else can write to
``entry``         one kept kernel: writing it down, checking it
``locks``         one builder per key
``process``       running a compiler
``identity``      what makes a binary fit or unfit for use
``diagnostics``   failed compilations as errors
================  =============================================================================
"""
