"""Packages whose public names are loaded when they are first used, and that answer a misspelt one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


class Lazy(ModuleType):
    """A package that says in `_HOMES` which module has which of its names, in `_MODULES` which are modules.

    A name that a module of the package has too, such as `plot.story`, stays the function: importing a module
    sets it on its package, which is refused.
    """

    _HOMES: Mapping[str, str] = {}
    _MODULES: Mapping[str, str] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- any public object
        if name in self._MODULES:
            return import_module(self._MODULES[name])
        if name in self._HOMES:
            return getattr(import_module(self._HOMES[name]), name)
        from cjmining.errors import nearest

        raise AttributeError(f"{self.__name__} has no '{name}'{nearest(name, self.__dir__())}")

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and name in self._HOMES:
            return
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        names: list[str] = list(self.__dict__["__all__"])
        return names


def make_lazy(package: str) -> None:
    """Let a package, by its name, load what its `_HOMES` lists when it is first used."""
    sys.modules[package].__class__ = Lazy
