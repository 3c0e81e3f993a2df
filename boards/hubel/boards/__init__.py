"""Development boards: platform, clock, link and flash recipe, one module a board."""

import importlib
import pkgutil

from .description import Board

__all__ = ["Board", "board", "boards"]


def boards() -> dict[str, Board]:
    """Every board by its name: the ``BOARD`` of each module of this package that has one."""
    modules = (importlib.import_module(f"{__name__}.{info.name}")
               for info in pkgutil.iter_modules(__path__))
    found = (module.BOARD for module in modules if hasattr(module, "BOARD"))
    return {b.name: b for b in sorted(found, key=lambda b: b.name)}


def board(name: str) -> Board:
    """The board called ``name``.

    Raises
    ------
    ValueError
        If there is none; the message lists the names.
    """
    known = boards()
    if name not in known:
        raise ValueError(f"no board is called {name!r}; there are: {', '.join(known)}")
    return known[name]
