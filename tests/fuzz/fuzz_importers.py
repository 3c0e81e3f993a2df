"""Feed damaged files to the importers: a refusal must be one line that names the file.

    python tests/fuzz/fuzz_importers.py SECONDS [FILE ...]

Every file is a start; without any, small ones are made. A find ends the run; the file is then kept
in the current folder as fuzz_find.* (crash-* by atheris). Make a test of it.

Reading HDF5 takes a process for each file; so most of the time goes into changes of what was read,
in this process: guided by atheris where it is installed, at random otherwise.
"""

import copy
import faulthandler
import pickle
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any
from unittest import mock

import nir
import numpy as np

from hubel.sw.hdf5 import Tree, read_hdf5
from hubel.sw.loihi_file import load_loihi
from hubel.sw.network import Network
from hubel.sw.nir import load_nir

sys.path.insert(0, str(Path(__file__).parent.parent))
from sw.test_nir_hostile import loihi, small

# What one file may take.
_SLOW = 30.0


def load_any(path: Path) -> Network:
    """A file by its suffix."""
    if path.suffix == ".net":
        return load_loihi(path)
    # With metadata of hubel, profile and dt must not be given.
    try:
        return load_nir(path)
    except ValueError as error:
        if "no profile is given" not in str(error):
            raise
    return load_nir(path, profile="nir", dt=1.0)


def attempt(path: Path) -> str:
    """Load ``path``: 'loaded' or 'refused'; whatever else happens is a find."""
    start = time.monotonic()
    try:
        load_any(path)
        result = "loaded"
    except ValueError as error:
        message = str(error)
        if "\n" in message or not message.startswith(f"{path}: "):
            raise AssertionError(f"not one line that names the file: {message!r}") from error
        result = "refused"
    if time.monotonic() - start > _SLOW:
        raise AssertionError(f"took {time.monotonic() - start:.1f} s")
    return result


def starts(folder: Path) -> list[Path]:
    """Small files of each kind."""
    from hubel.sw.nir import from_nir, save_nir

    paths = [folder / "other.nir", folder / "own.nir", folder / "lava.net"]
    nir.write(paths[0], small())
    save_nir(paths[1], from_nir(small(), profile="nir", dt=1.0))
    loihi(paths[2])
    return paths


def changed(data: bytes, rng: np.random.Generator) -> bytes:
    """``data`` with a few changes, as files get damaged and as attackers try."""
    new = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        if not new:
            break
        at = int(rng.integers(len(new)))
        kind = int(rng.integers(6))
        if kind == 0:
            new[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            new[at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF]))
        elif kind == 2:
            size = int(rng.choice([2, 4, 8]))
            new[at : at + size] = rng.bytes(size)
        elif kind == 3:
            size = int(rng.integers(1, 64))
            other = int(rng.integers(len(new)))
            new[at : at + size] = new[other : other + size]
        elif kind == 4:
            new[at : at + 8] = b"\xff" * 8
        elif rng.random() < 0.2:
            del new[at:]
    return bytes(new)


def changed_tree(tree: Tree, rng: np.random.Generator) -> Tree:
    """``tree`` with a few groups and values taken away, moved or replaced."""
    tree = copy.deepcopy(tree)
    for _ in range(int(rng.integers(1, 4))):
        groups = [tree]
        for group in groups:
            groups += [value for value in group.values() if isinstance(value, dict)]
        group = groups[int(rng.integers(len(groups)))]
        if not group:
            continue
        key = sorted(group)[int(rng.integers(len(group)))]
        kind = int(rng.integers(5))
        value = group[key]
        if kind == 0:
            del group[key]
        elif kind == 1:
            other = groups[int(rng.integers(len(groups)))]
            # Not into itself: a file cannot, either.
            other[key] = copy.deepcopy(value)
        elif isinstance(value, str) and kind == 2:
            text = changed(value.encode(), rng)
            group[key] = text.decode(errors="replace")
        elif (
            isinstance(value, np.ndarray) and value.size and value.dtype.kind in "biuf" and kind < 4
        ):
            value = group[key] = value.astype(np.float64)
            value.flat[int(rng.integers(value.size))] = rng.choice(VALUES)
        else:
            shape = tuple(int(n) for n in rng.choice([0, 1, 2, 3, 4, 8], rng.integers(0, 5)))
            group[key] = np.full(shape, rng.choice(VALUES))[()]
    return tree


VALUES = [0.0, -1.0, 1.0, 0.5, 3.0, 1e-300, 1e300, np.inf, -np.inf, np.nan, 2.0**31, 2.0**63, 65536]


def random_trees(paths: list[Path], seconds: float) -> int:
    """Change what is in files for ``seconds``; return the number of finds (0 or 1)."""
    seed = int(time.time())
    rng = np.random.default_rng(seed)
    trees = {path: read_hdf5(path, "file", "") for path in paths}
    counts = {"loaded": 0, "refused": 0}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        path = paths[int(rng.integers(len(paths)))]
        tree = changed_tree(trees[path], rng)
        with (
            mock.patch("hubel.sw.nir.read.read_hdf5", lambda *_, t=tree: copy.deepcopy(t)),
            mock.patch("hubel.sw.loihi_file.read_hdf5", lambda *_, t=tree: copy.deepcopy(t)),
        ):
            try:
                counts[attempt(path)] += 1
            except Exception:
                traceback.print_exc()
                find = Path("fuzz_find.pickle")
                find.write_bytes(pickle.dumps((path.name, tree)))
                print(f"found, seed {seed}: {find.absolute()}")
                return 1
    print(f"{sum(counts.values())} contents: {counts}")
    return 0


def random_bytes(paths: list[Path], seconds: float) -> int:
    """Change bytes for ``seconds``; return the number of finds (0 or 1)."""
    seed = int(time.time())
    rng = np.random.default_rng(seed)
    print(f"seed {seed}")
    data = {path: path.read_bytes() for path in paths}
    counts = {"loaded": 0, "refused": 0}
    end = time.monotonic() + seconds
    faulthandler.enable()
    while time.monotonic() < end:
        path = paths[int(rng.integers(len(paths)))]
        find = Path(f"fuzz_find{path.suffix}")
        find.write_bytes(changed(data[path], rng))
        faulthandler.dump_traceback_later(2 * _SLOW, exit=True)
        try:
            counts[attempt(find)] += 1
        except BaseException:
            traceback.print_exc()
            print(f"found: {find.absolute()}")
            return 1
        faulthandler.cancel_dump_traceback_later()
        find.unlink()
    print(f"{sum(counts.values())} files: {counts}")
    return 0


class Choices:
    """What :func:`changed_tree` asks of a random generator, answered from the fuzzer's bytes, so
    that it learns which changes lead where."""

    def __init__(self, data: bytes):
        import atheris  # pyright: ignore[reportMissingImports]

        self._data = atheris.FuzzedDataProvider(data)  # pyright: ignore[reportAttributeAccessIssue]

    def integers(self, low: int, high: int | None = None) -> int:
        low, high = (0, low) if high is None else (low, high)
        return self._data.ConsumeIntInRange(low, high - 1)

    def choice(self, values: list, size: int | None = None):
        if size is None:
            return values[self.integers(len(values))]
        return [values[self.integers(len(values))] for _ in range(size)]

    def random(self) -> float:
        return self._data.ConsumeProbability()

    def bytes(self, size: int) -> bytes:
        return self._data.ConsumeBytes(size).ljust(size, b"\0")


def with_atheris(paths: list[Path], seconds: float) -> None:
    """Let atheris change what is in files, guided by what the code does. Does not return."""
    import atheris  # pyright: ignore[reportMissingImports]

    trees = {path: read_hdf5(path, "file", "") for path in paths}

    def one(data: bytes) -> None:
        choices: Any = Choices(data)
        path = paths[choices.integers(len(paths))]
        tree = changed_tree(trees[path], choices)
        with (
            mock.patch("hubel.sw.nir.read.read_hdf5", lambda *_: copy.deepcopy(tree)),
            mock.patch("hubel.sw.loihi_file.read_hdf5", lambda *_: copy.deepcopy(tree)),
        ):
            attempt(path)

    atheris.instrument_all()  # pyright: ignore[reportAttributeAccessIssue]
    atheris.Setup([sys.argv[0], f"-max_total_time={int(seconds)}"], one)
    atheris.Fuzz()


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [Path(arg) for arg in sys.argv[2:]] or starts(folder)
        try:
            import atheris  # noqa: F401  # pyright: ignore[reportMissingImports]
        except ImportError:
            print("atheris is not installed: random changes")
            guided = random_trees
        else:
            guided = with_atheris
        return random_bytes(paths, seconds * 0.3) or guided(paths, seconds * 0.7) or 0


if __name__ == "__main__":
    sys.exit(main())
