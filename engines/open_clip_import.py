"""Imports open_clip without the packages that most architectures never use."""

import importlib
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# A plain import costs 6 s of CPU: torch 2, open_clip itself 0.5, and the rest for four packages:
# - transformers and timm make the towers of some architectures. open_clip works without them, so
#   it is imported as if they were missing, and its modules that use them are executed again for an
#   architecture that names one.
# - huggingface_hub downloads weights, which `engines/embed/hub.py` does here, by itself.
# - torchvision is needed, but imports torch's compiler (dynamo, inductor, sympy: 2 s) for one
#   function of one operator, which nobody here calls: the compiler is imported once it is called.
#   Of its own models and datasets (0.3 s) open_clip needs none.
# Towers of our own would save no more than this, and would be a second copy of open_clip's.
OPTIONAL = {"hf_model": "transformers", "timm_model": "timm"}
HIDDEN = {*OPTIONAL.values(), "huggingface_hub"}
LATER = ("torch._dynamo", "torch._dynamo.utils", "torchvision.models", "torchvision.datasets")

_importing = threading.Lock()


def import_open_clip(config: dict[str, Any] | None = None) -> ModuleType:
    """open_clip, with what an architecture's `config` needs; without one, what most need."""
    with _importing:
        if "open_clip" not in sys.modules:
            with _hide_modules(HIDDEN), _defer_modules(LATER):
                importlib.import_module("open_clip")
        if config:
            _complete_import(config)
        return sys.modules["open_clip"]


def _complete_import(config: dict[str, Any]) -> None:
    """Executes the modules anew that were imported without a package that they need now."""
    needed = {
        "hf_model": config.get("text_cfg", {}).get("hf_model_name"),
        "timm_model": config.get("vision_cfg", {}).get("timm_model_name"),
    }
    for name, package in OPTIONAL.items():
        module = importlib.import_module(f"open_clip.{name}")
        # In place: what others have imported from the module finds the package as well.
        if needed[name] and getattr(module, package) is None:
            importlib.reload(module)


@contextmanager
def _hide_modules(names: Iterable[str]) -> Iterator[None]:
    """Imports of these packages fail in this thread, unless they are there already."""
    finder = _HidingFinder({name for name in names if name not in sys.modules})
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _HidingFinder(MetaPathFinder):
    def __init__(self, names: set[str]) -> None:
        self._names, self._thread = names, threading.get_ident()

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"{fullname} is not imported here", name=fullname)
        return None


@contextmanager
def _defer_modules(names: Iterable[str]) -> Iterator[None]:
    """Puts modules of functions that import the real ones when called in these modules' places."""
    importlib.import_module("torch")
    deferred = {name: _Deferred(name) for name in names if name not in sys.modules}
    sys.modules.update(deferred)
    try:
        yield
    finally:
        for name, module in deferred.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
            package, _, own = name.rpartition(".")
            if vars(sys.modules.get(package, module)).get(own) is module:
                delattr(sys.modules[package], own)  # `from package import own` would find it there


class _Deferred(ModuleType):
    """A module of which only functions are used, and none while others are imported."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # a package, of which modules can be imported

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args: Any, **options: Any) -> Any:
            return getattr(importlib.import_module(self.__name__), name)(*args, **options)

        return call
