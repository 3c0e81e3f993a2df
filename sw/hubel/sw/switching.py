"""Switching activity of a design from a VCD or SAIF file that a simulator wrote.

Nets are counted once, whatever names they have in the hierarchy; the clock is a term of its own
and is not counted; the first value of a net, and changes from or to x and z, are no toggles.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "fs": 1e-15}
#: Kinds of variable without bits that toggle.
_NO_NETS = ("event", "parameter", "real", "realtime", "string")
_TIMESCALE = re.compile(r"(\d+)\s*([munpf]?s)")


@dataclass(frozen=True, kw_only=True)
class Switching:
    """What a simulation toggled.

    Attributes
    ----------
    toggles : int
        Bits that changed, without those of the clock.
    cycles : int
        Rising edges of the clock.
    seconds : float
        Simulated time.
    nets : int
        Bits that were looked at.
    """

    toggles: int
    cycles: int
    seconds: float
    nets: int

    @property
    def per_net_and_cycle(self) -> float:
        """Mean activity: 0.5 is that of random data, 1 that of a register that always toggles."""
        return self.toggles / self.nets / self.cycles if self.nets and self.cycles else 0.0


def read_vcd(path: str | os.PathLike[str], *, clock: str, only: str = "") -> Switching:
    """Read a value change dump.

    Parameters
    ----------
    clock : str
        Name of the clock, as ``top.clk``, or the end of it.
    only : str
        Regular expression that a hierarchical name must contain to be counted; for example the
        names of registers.

    Raises
    ------
    ValueError
        If the file is no VCD, it has no such clock, or nothing matches ``only``.
    """
    path = Path(path)
    pattern = re.compile(only)
    names: dict[str, list[str]] = {}
    widths: dict[str, int] = {}
    scope: list[str] = []
    unit = 0.0
    with path.open(encoding="ascii", errors="replace") as file:
        words = _words(file)
        for word in words:
            if word == "$enddefinitions":
                break
            if word == "$timescale":
                unit = _unit("".join(_until_end(words)), path)
            elif word == "$scope":
                scope.append(list(_until_end(words))[1])
            elif word == "$upscope":
                scope.pop()
            elif word == "$var":
                kind, width, code, name, *_ = _until_end(words)
                if kind in _NO_NETS:
                    continue
                names.setdefault(code, []).append(".".join([*scope, name]))
                widths[code] = int(width)
        if not names or not unit:
            raise ValueError(f"{path}: no value change dump; it declares no nets")
        clocks = {c for c, known in names.items() if any(_ends(n, clock) for n in known)}
        if len(clocks) != 1:
            raise ValueError(f"{path}: {len(clocks)} nets are called {clock!r}; give one clock")
        counted = {
            code
            for code, known in names.items()
            if code not in clocks and any(pattern.search(name) for name in known)
        }
        if not counted:
            raise ValueError(f"{path}: no net matches {only!r}")
        toggles, cycles, ticks = _count(words, counted, clocks, widths)
    return Switching(
        toggles=toggles,
        cycles=cycles,
        seconds=ticks * unit,
        nets=sum(widths[code] for code in counted),
    )


def _count(
    words: Iterator[str], counted: set[str], clocks: set[str], widths: dict[str, int]
) -> tuple[int, int, int]:
    """Toggles, rising edges of the clock, and ticks between the first and the last time."""
    last: dict[str, str] = {}
    toggles = cycles = 0
    first: int | None = None
    now = 0
    for word in words:
        head = word[0]
        if head == "#":
            now = int(word[1:])
            first = now if first is None else first
            continue
        if head in "bB":
            code, value = next(words), word[1:].lower()
        elif head in "01xXzZ":
            code, value = word[1:], head.lower()
        elif head in "rRsS":
            next(words)  # reals and strings are no nets
            continue
        else:
            continue  # $dumpvars, $end
        if code in counted:
            width = widths[code]
            fill = value[0] if value[0] in "xz" else "0"
            value = value.rjust(width, fill)
            before = last.get(code)
            if before is not None and before != value:
                toggles += sum({a, b} == {"0", "1"} for a, b in zip(before, value, strict=True))
            last[code] = value
        elif code in clocks:
            cycles += last.get(code) == "0" and value[-1] == "1"
            last[code] = value[-1]
    return toggles, cycles, now - (first or 0)


def _words(file: Iterator[str]) -> Iterator[str]:
    for line in file:
        yield from line.split()


def _until_end(words: Iterator[str]) -> Iterator[str]:
    for word in words:
        if word == "$end":
            return
        yield word


def _unit(text: str, path: Path) -> float:
    found = _TIMESCALE.fullmatch(text)
    if found is None:
        raise ValueError(f"{path}: timescale {text!r} is not understood")
    return int(found[1]) * _SECONDS[found[2]]


def _ends(name: str, clock: str) -> bool:
    return name == clock or name.endswith(f".{clock}")


def read_saif(path: str | os.PathLike[str], *, clock: str, only: str = "") -> Switching:
    """Read a switching activity interchange file; as :func:`read_vcd`. Two names of one net count
    twice there, so that ``only`` should leave one."""
    path = Path(path)
    pattern = re.compile(only)
    tokens = re.findall(r"\(|\)|\"[^\"]*\"|[^\s()]+", path.read_text("ascii", errors="replace"))
    if tokens[:2] != ["(", "SAIFILE"]:
        raise ValueError(f"{path}: no SAIF file")
    stack: list[list[str]] = []
    unit, duration, toggles, edges, nets = 1e-9, 0.0, 0, 0, 0
    clocks = 0
    for token in tokens:
        if token == "(":
            stack.append([])
        elif token == ")":
            record = stack.pop()
            if record[:1] == ["TIMESCALE"]:
                unit = _unit("".join(record[1:]), path)
            elif record[:1] == ["DURATION"]:
                duration = float(record[1])
            elif record[:1] == ["TC"]:
                scopes = [r[1] for r in stack if r[:1] == ["INSTANCE"] and len(r) > 1]
                name = ".".join([*scopes, stack[-1][0].replace("\\", "")])
                if _ends(name, clock):
                    clocks, edges = clocks + 1, int(record[1])
                elif pattern.search(name):
                    nets, toggles = nets + 1, toggles + int(record[1])
        else:
            stack[-1].append(token)
    if not clocks:
        raise ValueError(f"{path}: no net is called {clock!r}")
    if not nets:
        raise ValueError(f"{path}: no net matches {only!r}")
    return Switching(toggles=toggles, cycles=edges // 2, seconds=duration * unit, nets=nets)


def read_activity(path: str | os.PathLike[str], *, clock: str, only: str = "") -> Switching:
    """Read a .vcd or .saif file, told apart by its name."""
    suffix = Path(path).suffix.lower()
    if suffix not in (".vcd", ".saif"):
        raise ValueError(f"{path}: switching activity is a .vcd or a .saif")
    return (read_vcd if suffix == ".vcd" else read_saif)(path, clock=clock, only=only)
