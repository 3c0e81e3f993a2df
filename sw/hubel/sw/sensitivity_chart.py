"""The picture of a search: expected best score against joules, and what mattered."""

import os

from matplotlib.figure import Figure as Drawing

from .npz import atomic_file
from .sensitivity import Sensitivity
from .units import prefix, quantity


def draw(found: Sensitivity) -> Drawing:
    """Expected best score after so many joules; the importance of parameters where it is known."""
    names = list(found.importance)
    drawing = Drawing(figsize=(9.6 if names else 6.4, 4.2), dpi=120, layout="constrained")
    axes = drawing.subplots(1, 2 if names else 1, squeeze=False)[0]
    ax = axes[0]
    joules, scores = zip(*found.curve, strict=True)
    factor, letter = prefix(joules)
    ax.plot([j / factor for j in joules], scores, "o-", color="#00697a", markersize=4)
    ax.axhline(found.best_score, color="#777777", linewidth=0.8)
    if found.joules_to_target is not None and found.target is not None:
        median, low, high = (value / factor for value in found.joules_to_target)
        ax.errorbar(
            median, found.target, xerr=[[median - low], [high - median]], fmt="s", color="#a8481f",
            capsize=4,
            label=f"to {found.target:.4g}: median {quantity(median * factor, 'J')}, 90 %",
        )  # fmt: skip
        ax.legend(loc="lower right", frameon=False)
    ax.set_xlim(left=0)
    ax.set_xlabel(f"{letter}J of the search (NATURE)")
    ax.set_ylabel("expected best score")
    ax.set_title(
        f"{found.attempts} attempts, search factor {found.search_factor:.3g}, IQR {found.iqr:.3g}",
        fontsize=10,
    )
    if names:
        rows = list(found.importance.values())
        axes[1].barh(names, [row["pawn"] for row in rows], height=min(0.8, 0.2 * len(names)),
                     color="#00697a", label="this parameter")  # fmt: skip
        axes[1].plot([row["noise"] for row in rows], names, "|", color="#a8481f", markersize=16,
                     markeredgewidth=2.5, label="95 % of it shuffled")  # fmt: skip
        axes[1].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False)
        axes[1].set_ylim(len(names) - 0.4, -0.6)
        axes[1].set_xlim(left=0)
        axes[1].set_xlabel("importance (PAWN)")
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
    return drawing


def save(found: Sensitivity, path: str | os.PathLike[str]) -> None:
    """Write the picture, .png, .svg or .pdf, whole or not at all."""
    form = os.path.splitext(path)[1].lstrip(".")
    if form not in ("png", "svg", "pdf"):
        raise ValueError(f"{path}: a picture is .png, .svg or .pdf")
    with atomic_file(path) as temporary:
        draw(found).savefig(temporary, format=form)
