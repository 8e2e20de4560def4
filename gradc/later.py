"""What only some processes need is loaded by those that do, and hashing without what is not needed.

Public::

    later("shutil") -> stands for a module, which is imported when something of it is read
    log("gradc.cache").info(text, *args)    # to nobody, while nobody has loaded ``logging``
    sha256(data=b"") -> hash

The first call of a compiled function whose code is on disk takes a few milliseconds; each of these
modules takes one or more to load, OpenSSL behind ``hashlib`` three.
"""

import importlib
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

__all__ = ["later", "log", "sha256"]


_LOADING = threading.RLock()
"""Held while a module is loaded, and while the process forks: a child whose parent forked in the
middle of an import by another thread would wait for that thread, which it does not have."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_LOADING.acquire,
        after_in_parent=_LOADING.release,
        after_in_child=_LOADING.release,
    )


class _Module:
    """Stands for a module until something of it is read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        with _LOADING:
            return getattr(importlib.import_module(self._name), name)


def later(name: str) -> Any:
    """Return what stands for a module."""
    return _Module(name)


class _Log:
    """Stands for a logger; where ``logging`` is not loaded nobody listens below a warning."""

    def __init__(self, name: str) -> None:
        self._name = name

    def info(self, text: str, *args: object) -> None:
        """Log, with the place of the caller."""
        logging = sys.modules.get("logging")
        if logging is not None:
            logging.getLogger(self._name).info(text, *args, stacklevel=2)


def log(name: str) -> _Log:
    """Return what stands for a logger."""
    return _Log(name)


def _sha256() -> Callable[..., Any]:
    """Find the function: from the library that is loaded already, or else from a small module."""
    if "hashlib" not in sys.modules:
        for name in ("_sha256", "_sha2"):
            try:
                found: Callable[..., Any] = importlib.import_module(name).sha256
            except ImportError:
                continue
            return found
    found = importlib.import_module("hashlib").sha256
    return found


if TYPE_CHECKING:
    from hashlib import sha256
else:
    sha256 = _sha256()
"""``sha256(data).hexdigest()``, the function of ``hashlib``."""
