"""A walk over an HDF5 file that trusts nothing in it; the program that :mod:`.hdf5` runs.

An HDF5 file of a kilobyte can declare arrays of any size, pack gigabytes into one chunk, point to
other files, or contain itself. All that is looked for before an array is read.
"""

import math
import pickle
import sys
import zlib
from collections.abc import Callable
from typing import Any

import h5py
from h5py import h5o  # pyright: ignore[reportAttributeAccessIssue]

from .npz import first_line

#: A dict for each group; numpy arrays, numbers and strings for the datasets.
Tree = dict[str, Any]

#: Most groups and datasets of a file, most groups inside one another, most bytes of all arrays.
MAX_ITEMS, MAX_DEPTH, MAX_BYTES = 20_000, 16, 1 << 30

# Filters that are known to be harmless, by their numbers: deflate, shuffle, Fletcher checksum.
_DEFLATE, _FILTERS = 1, (1, 2, 3)
# Most memory of the program: an array, its packed bytes, and what is sent.
_MEMORY = 4 * MAX_BYTES


def main(path: str) -> None:
    """Write (tree or None, what is wrong or None), pickled, to standard output."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    except (ImportError, ValueError, OSError):
        # Not on every system, nor above a limit that is already there.
        pass
    found: tuple[Tree | None, str | None]
    try:
        with h5py.File(path, "r") as file:
            found = (_Walk(file).group(file, "", 0), None)
    # h5py raises whatever happens to fail inside it on a bad file.
    except Exception as error:
        found = (None, first_line(error))
    pickle.dump(found, sys.stdout.buffer, protocol=5)


class _Walk:
    """A walk over a file, which counts what it meets."""

    def __init__(self, file: h5py.File) -> None:
        self._seen = {h5o.get_info(file.id).addr}
        self._bytes = 0

    def group(self, group: h5py.Group, name: str, depth: int) -> Tree:
        """``group`` as a dict."""
        if depth > MAX_DEPTH:
            raise ValueError(f"{name}: more than {MAX_DEPTH} groups inside one another")
        tree: Tree = {}
        for key in map(str, group):
            here = f"{name}/{key}" if name else key
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise ValueError(f"{here}: is a link; only what the file itself holds is read")
            item = group[key]
            # An object that has two names could contain itself.
            address = h5o.get_info(item.id).addr
            if address in self._seen or len(self._seen) >= MAX_ITEMS:
                why = "has two names" if address in self._seen else f"more than {MAX_ITEMS} items"
                raise ValueError(f"{here}: {why}")
            self._seen.add(address)
            if isinstance(item, h5py.Group):
                tree[key] = self.group(item, here, depth + 1)
            elif isinstance(item, h5py.Dataset):
                tree[key] = self._value(item, here)
            else:
                raise ValueError(f"{here}: is neither a group nor a dataset")
        return tree

    def _value(self, dataset: h5py.Dataset, name: str) -> Any:
        text = h5py.check_string_dtype(dataset.dtype) is not None
        if not text and dataset.dtype.kind not in "biuf":
            raise ValueError(f"{name}: is {dataset.dtype}; only numbers and text are read")
        if dataset.shape is None or dataset.external or dataset.is_virtual:
            raise ValueError(f"{name}: has no values in this file")
        size = math.prod(dataset.shape) * max(1, dataset.dtype.itemsize)
        self._bytes += size
        if self._bytes > MAX_BYTES:
            raise ValueError(
                f"{name}: {dataset.shape} of {dataset.dtype}, with what came before, are "
                f"{self._bytes} bytes; more than {MAX_BYTES} are not read"
            )
        if dataset.chunks is not None:
            _check_chunks(dataset, dataset.chunks, name)
        elif size > dataset.id.get_storage_size() + (1 << 16):
            raise ValueError(f"{name}: declares {size} bytes, but the file does not hold them")
        read: Callable[[tuple], Any] = dataset.asstr().__getitem__ if text else dataset.__getitem__
        return read(())


def _check_chunks(dataset: h5py.Dataset, chunks: tuple[int, ...], name: str) -> None:
    """Raise ValueError unless the chunks of ``dataset`` unpack to what its shape says."""
    chunk = math.prod(chunks) * dataset.dtype.itemsize
    filters = dataset.id.get_create_plist()
    numbers = [filters.get_filter(i)[0] for i in range(filters.get_nfilters())]
    if strange := set(numbers) - set(_FILTERS):
        raise ValueError(f"{name}: packed with HDF5 filter {min(strange)}; write it with gzip")
    if chunk > MAX_BYTES or numbers.count(_DEFLATE) > 1:
        raise ValueError(f"{name}: has chunks of {chunk} bytes")
    grid = [-(-size // part) for size, part in zip(dataset.shape, chunks, strict=True)]
    if dataset.id.get_num_chunks() != math.prod(grid):
        raise ValueError(f"{name}: {dataset.shape} values are declared, but some are not there")
    if _DEFLATE not in numbers:
        return
    for i in range(math.prod(grid)):
        mask, packed = dataset.id.read_direct_chunk(dataset.id.get_chunk_info(i).chunk_offset)
        if mask & 1 << numbers.index(_DEFLATE):
            continue
        # HDF5 would unpack whatever is there, however much: a thousand times the file.
        unpack = zlib.decompressobj()
        if len(unpack.decompress(packed, chunk)) != chunk or unpack.decompress(
            unpack.unconsumed_tail, 1
        ):
            raise ValueError(f"{name}: a chunk does not unpack to {chunk} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
