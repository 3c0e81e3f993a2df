"""What a flash says to a board that starts without a host: the requests that load a Program."""

from hubel.hdl.flash_boot import BOOT_END
from hubel.hdl.link_protocol import REQUEST_MOST, Command
from hubel.hdl.memory_image import loads
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.hdl.program_tag import program_tag

from .frames import encode_request

__all__ = ["boot_image"]


def boot_image(params: CoreParams, program: Program) -> bytes:
    """Bytes for the flash, as :class:`hubel.hdl.flash_boot.FlashBoot` reads them.

    Raises
    ------
    ValueError
        If the Program is not for a core of these sizes.
    """
    requests = [(Command.IDENTIFY, b"boot")]
    for load in loads(params, program):
        place = bytes([load.memory.value]) + load.address.to_bytes(3, "little")
        requests.append((Command.SEEK, place))
        requests += [(Command.LOAD, load.data[i : i + REQUEST_MOST])
                     for i in range(0, len(load.data), REQUEST_MOST)]  # fmt: skip
    requests.append((Command.COMMIT, program_tag(params, program)))
    frames = [encode_request(command, number % 256, payload)
              for number, (command, payload) in enumerate(requests)]  # fmt: skip
    return b"".join(frames) + BOOT_END
