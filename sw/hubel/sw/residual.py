"""What a boundary holds besides one that lies inside it."""

from .figure import INSIDE, Figure, weakest


def residual(outer: Figure, inner: Figure, name: str) -> Figure:
    """Return what ``outer`` holds besides ``inner``, whose boundary lies inside it.

    The interval is the widest that both intervals allow; unknown if one of both is.

    Raises
    ------
    ValueError
        If the units differ, the one is not inside the other, or the difference is negative.
    """
    if outer.unit != inner.unit:
        raise ValueError(f"{name}: {inner.name!r} is in {inner.unit!r}, not in {outer.unit!r}")
    if outer.boundary not in INSIDE.get(inner.boundary, ()):
        raise ValueError(f"{name}: {inner.boundary!r} is not known to be inside {outer.boundary!r}")
    worst = weakest([outer, inner])
    value = interval = None
    if outer.value is not None and inner.value is not None:
        value = outer.value - inner.value
        if value < 0:
            raise ValueError(f"{name}: {inner.name!r} is more than {outer.name!r}, which holds it")
        if outer.interval or inner.interval:
            (a, b), (c, d) = (f.interval or (f.value, f.value) for f in (outer, inner))
            interval = (a - d, b - c)  # type: ignore[operator]
    return Figure(
        name=name,
        value=value,
        unit=outer.unit,
        kind=worst.kind,
        subkind=worst.subkind,
        boundary=f"{outer.boundary} without {inner.boundary}",
        source=f"{outer.source}; less {inner.source}",
        interval=interval,
        distribution="fixed" if interval is None else "normal",
    )
