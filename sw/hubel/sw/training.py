"""A training run that no ledger misses."""

import os
from collections.abc import Callable
from pathlib import Path

from .digits import load_digits
from .ledger import Ledger
from .probes import PowerWindow
from .train import Mlp, train_mlp


def train_digits(
    ledger: str | os.PathLike[str],
    *,
    hidden: int = 128,
    epochs: int = 80,
    seed: int = 0,
    on_epoch: Callable[[int, int], None] = lambda done, total: None,
) -> Mlp:
    """Train on the digits and record the attempt, whatever becomes of it, in ``ledger``.

    Parameters
    ----------
    ledger : path
        Appended to; its folder is made if it does not exist.
    hidden, epochs, seed
        As for :func:`hubel.sw.train.train_mlp`.
    on_epoch : callable
        Called after each epoch with the epochs that are done and their total.

    Raises
    ------
    ValueError, ImportError, OSError
        As :func:`hubel.sw.train.train_mlp`; or if the ledger cannot be written.
    """
    Path(ledger).parent.mkdir(parents=True, exist_ok=True)
    config = {"hidden": hidden, "epochs": epochs, "seed": seed}
    with Ledger(ledger).attempt("train digits", config) as attempt:
        window = PowerWindow()
        try:
            with window:
                digits = load_digits()

                def finished(epoch: int, _loss: float) -> None:
                    attempt.epoch()
                    on_epoch(epoch, epochs)

                mlp = train_mlp(digits, hidden=hidden, epochs=epochs, seed=seed, on_epoch=finished)
                attempt.score = mlp.accuracy
        finally:
            attempt.power = (window.power,)
    return mlp
