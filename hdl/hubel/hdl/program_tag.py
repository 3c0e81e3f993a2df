"""The tag of a Program: whether a device has it already, in eight bytes."""

import hashlib

from .link_protocol import TAG_BYTES
from .memory_image import loads
from .params import CoreParams
from .program import Program

__all__ = ["program_tag"]


def program_tag(params: CoreParams, program: Program) -> bytes:
    """Eight bytes that stand for all that ``program`` has in the memories of a core.

    Raises
    ------
    ValueError
        If the Program is not for a core of these sizes.
    """
    digest = hashlib.sha256()
    for load in loads(params, program):
        head = (load.memory.value, load.address, len(load.data))
        digest.update(b"".join(n.to_bytes(4, "little") for n in head) + load.data)
    return digest.digest()[:TAG_BYTES]
