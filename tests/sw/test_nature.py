"""NATURE: worked examples, published tables, identities, and misuse that must be refused."""

import math
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubel.sw.attempt import Attempt
from hubel.sw.carbon import intensity
from hubel.sw.figure import Figure, share_text
from hubel.sw.nature import (
    Nature,
    brain_seconds,
    closed_form,
    nature_closed_form,
    nature_ledger,
    summarise,
)
from hubel.sw.site import DESK_PUE, GRID_LOSS, PUBLISHED_PUE, UNKNOWN_PUE, Site
from hubel.sw.uncertainty import propagate

POUND = 0.45359237  # kg


def fixed(value: float | None, unit: str, name: str = "x", boundary: str = "declared") -> Figure:
    return Figure(
        name=name,
        value=value,
        unit=unit,
        kind="assumed",
        subkind="declared",
        boundary=boundary,
        source="test",
    )


def site(pue: float = 1.0, loss: float = 0.0, g_per_kwh: float | None = None) -> Site:
    carbon = None if g_per_kwh is None else fixed(g_per_kwh, "g/kWh", "grid", "generation")
    return Site(pue=fixed(pue, "1", "PUE"), loss=fixed(loss, "1", "loss"), intensity=carbon)


def run(
    watts: float | None, seconds: float, pue: float = 1.0, g_per_kwh: float | None = None
) -> Nature:
    """One whole run at a constant power."""
    return nature_closed_form(
        n_exp=1,
        power=[fixed(watts, "W", "power")],
        seconds=fixed(seconds, "s", "run"),
        epochs=1,
        site=site(pue=pue, g_per_kwh=g_per_kwh),
        draws=1,
    )


def tonnes(nature: Nature) -> float:
    assert nature.co2e is not None and nature.co2e.value is not None
    return nature.co2e.value / 1000


# --- Published tables ---------------------------------------------------------------------------


def test_example_a() -> None:
    nature = run(1515.43, 986_832_000, pue=1.58, g_per_kwh=954 * POUND)
    assert nature.u_watts == pytest.approx(878.9494)
    assert nature.r_watts == 0
    assert nature.a_joules == 0
    assert nature.energy.value == pytest.approx(2.36285e12, rel=3e-6)
    assert nature.kwh == pytest.approx(656_347.28, abs=0.005)
    assert tonnes(nature) * 1000 / POUND == pytest.approx(626_155.31, abs=0.005)
    assert tonnes(nature) * 1000 == pytest.approx(284_019.27, abs=0.005)


@pytest.mark.parametrize(
    "watts, hours, kwh, pounds",
    [
        (1415.78, 12, 27, 26),  # Transformer base
        (1515.43, 84, 201, 192),  # Transformer big
        (517.66, 336, 275, 262),  # ELMo
        (12041.51, 79.2, 1507, 1438),  # BERT base: printed as 79 h
        (1515.43, 274_120, 656_347, 626_155),  # NAS
    ],
)
def test_strubell_2019_table_3(watts: float, hours: float, kwh: int, pounds: int) -> None:
    nature = run(watts, hours * 3600, pue=1.58, g_per_kwh=954 * POUND)
    assert nature.kwh is not None
    assert round(nature.kwh) == kwh
    assert round(tonnes(nature) * 1000 / POUND) == pounds


def test_strubell_2019_tpu_rows_are_unknown() -> None:
    nature = run(None, 96 * 3600, pue=1.58, g_per_kwh=954 * POUND)
    assert nature.energy.value is None
    assert nature.kwh is None
    assert nature.co2e is None
    assert nature.unknown == ("power",)


@pytest.mark.parametrize(
    "chips, watts, days, pue, mwh, gross, net, gross_t, net_t",
    [
        (200, 208, 6.8, 1.10, 7.5, 0.431, 0.431, 3.2, 3.2),  # NAS (ET)
        (512, 310, 20, 1.12, 85.7, 0.545, 0.545, 46.7, 46.7),  # T5
        (1024, 289, 30, 1.09, 232, 0.415, 0.415, 96.4, 96.4),  # Meena
        (1024, 288, 3.1, 1.09, 24.1, 0.201, 0.177, 4.8, 4.3),  # GShard-600B
        (1024, 245, 27, 1.10, 179, 0.403, 0.330, 72.2, 59.1),  # Switch
        (10_000, 330, 14.8, 1.10, 1287, 0.429, 0.429, 552.1, 552.1),  # GPT-3
    ],
)
def test_patterson_2021_table_4(
    chips: int,
    watts: float,
    days: float,
    pue: float,
    mwh: float,
    gross: float,
    net: float,
    gross_t: float,
    net_t: float,
) -> None:
    for kg_per_kwh, expected in ((gross, gross_t), (net, net_t)):
        nature = run(chips * watts, days * 86_400, pue=pue, g_per_kwh=1000 * kg_per_kwh)
        assert nature.kwh is not None
        assert nature.kwh / 1000 == pytest.approx(mwh, rel=0.008)
        assert tonnes(nature) == pytest.approx(expected, rel=0.016)


def test_bloom() -> None:
    training = run(400, 1_082_990 * 3600, g_per_kwh=57)
    assert training.kwh == pytest.approx(433_196, abs=0.5)
    assert tonnes(training) == pytest.approx(24.69, abs=0.005)
    idle = nature_closed_form(
        n_exp=1,
        power=[fixed(0, "W")],
        seconds=fixed(0, "s"),
        epochs=1,
        setup=[fixed(256_646 * 3.6e6, "J", "idle nodes")],
        site=site(g_per_kwh=57),
        draws=1,
    )
    assert tonnes(idle) == pytest.approx(14.63, abs=0.005)
    embodied = 11.2
    assert tonnes(training) + tonnes(idle) + embodied == pytest.approx(50.5, abs=0.05)


# --- Worked example B: twenty attempts of a spiking network -------------------------------------


RAPL = Figure(
    name="package+DRAM",
    value=46.0,
    unit="W",
    kind="measured",
    subkind="meter",
    boundary="host package+DRAM",
    source="RAPL",
    interval=(43.7, 48.3),
    distribution="normal",
    group="RAPL gain",
)
REST = Figure(
    name="rest of the PC",
    value=25.0,
    unit="W",
    kind="assumed",
    subkind="declared",
    boundary="rest of PC",
    source="declared",
    interval=(10.0, 40.0),
    distribution="uniform",
    group="rest of the PC",
)


def attempt(index: int, epochs: int, status: str, tools: tuple[Figure, ...] = ()) -> Attempt:
    return Attempt(
        id=str(index),
        name=f"run {index}",
        start="2025-01-01T00:00:00+00:00",
        status=status,
        epochs=epochs,
        seconds=(42.0,) * epochs,
        power=(RAPL, REST),
        setup=tuple(p.times(18, name=f"set-up, {p.name}", unit="J") for p in (RAPL, REST)),
        tools=tools,
    )


def example_b() -> list[Attempt]:
    routed = (
        RAPL.times(95 * 52 / 46, name="place and route", unit="J"),
        REST.times(95, name="place and route, rest", unit="J"),
    )
    return [
        attempt(0, 30, "completed", routed),
        *(attempt(i, 30, "completed") for i in range(1, 17)),
        attempt(17, 12, "early_stopped"),
        attempt(18, 12, "early_stopped"),
        attempt(19, 3, "failed"),
    ]


DESK = Site(pue=DESK_PUE, loss=GRID_LOSS["USA"], intensity=intensity("USA"))
CENTRE = Site(pue=UNKNOWN_PUE, loss=GRID_LOSS["USA"], intensity=intensity("USA"))


def test_example_b_it_energy() -> None:
    nature = nature_ledger(example_b(), site())
    assert sum(a.epochs for a in example_b()) == 537
    assert nature.training_seconds == 537 * 42
    assert nature.e_watts == pytest.approx(71)
    assert nature.a_joules == pytest.approx(25_560 + 7_315)
    assert nature.energy.value == pytest.approx(1_634_209)
    assert share_text(nature.shares) == "65 % measured, 35 % assumed"


def test_example_b_at_a_desk() -> None:
    nature = nature_ledger(example_b(), DESK)
    assert (nature.e_watts, nature.u_watts) == (pytest.approx(71), 0)
    assert nature.r_watts == pytest.approx(3.737, abs=5e-4)
    assert nature.energy.value == pytest.approx(1.720e6, abs=500)
    assert nature.kwh == pytest.approx(0.478, abs=5e-4)
    assert nature.energy.interval == pytest.approx((1.35e6, 2.10e6), rel=0.03)
    assert nature.quick == pytest.approx((1.35e6, 2.10e6), rel=0.03)
    assert nature.co2e is not None
    assert nature.co2e.value == pytest.approx(0.177, abs=5e-4)
    assert nature.co2e.interval == pytest.approx((0.115, 0.249), rel=0.03)
    assert [name for name, _ in nature.contributors] == [
        "rest of the PC",
        "RAPL gain",
        "grid loss",
    ]
    assert sum(share for _, share in nature.contributors) == pytest.approx(1)
    assert nature.contributors[0][1] > 0.9
    assert nature.energy.kind == "assumed"
    assert nature.energy.source == "nature-power/1"
    assert nature.energy.boundary == "host package+DRAM + rest of PC + facility + grid"


def test_example_b_in_an_unknown_data_centre() -> None:
    nature = nature_ledger(example_b(), CENTRE)
    assert nature.u_watts == pytest.approx(39.76)
    assert nature.r_watts == pytest.approx(5.83, abs=5e-3)
    assert nature.energy.value == pytest.approx(2.684e6, abs=500)
    assert nature.kwh == pytest.approx(0.745, abs=5e-4)
    assert nature.co2e is not None
    assert nature.co2e.value == pytest.approx(0.275, abs=5e-4)


def test_example_b_closed_form_misses_the_stops() -> None:
    exact = nature_ledger(example_b(), DESK)
    summary = summarise(example_b(), exact)
    assert (summary.n_exp, summary.epochs, summary.seconds_per_epoch) == (20, 30, 42)
    assert summary.residual == pytest.approx(0.115, abs=5e-4)
    assert exact.energy.value is not None
    assert summary.joules == pytest.approx(exact.energy.value * (1 + summary.residual))


def test_no_residual_without_stops() -> None:
    attempts = example_b()[:17]
    assert summarise(attempts, nature_ledger(attempts, DESK)).residual == pytest.approx(0)


def test_interval_is_reproducible_and_seeded() -> None:
    first, again = (nature_ledger(example_b(), DESK, seed=3) for _ in range(2))
    assert first.energy == again.energy
    assert nature_ledger(example_b(), DESK, seed=4).energy.interval != first.energy.interval


def test_shared_errors_do_not_average_down() -> None:
    """Twenty attempts have the same relative interval as one; independent ones would not."""

    def width(attempts: list[Attempt]) -> float:
        energy = nature_ledger(attempts, site()).energy
        assert energy.interval is not None and energy.value is not None
        return (energy.interval[1] - energy.interval[0]) / energy.value

    one, many = example_b()[1:2], example_b()[1:17]
    assert width(many) == pytest.approx(width(one), rel=1e-6)


def test_shares_and_contributors_without_uncertainty() -> None:
    nature = run(100, 10)
    assert nature.contributors == ()
    assert nature.energy.distribution == "fixed"
    assert nature.quick == (1000, 1000)


# --- Ledger -------------------------------------------------------------------------------------


def one_attempt(**changes: Any) -> Attempt:
    fields: dict[str, Any] = {
        "id": "1",
        "name": "run",
        "start": "2025-01-01T00:00:00+00:00",
        "status": "killed",
        "epochs": 2,
        "seconds": 20.0,
        "power": (fixed(10.0, "W"),),
    }
    return Attempt(**(fields | changes))


def test_time_outside_epochs_is_part_of_a() -> None:
    nature = nature_ledger([one_attempt(other_seconds=5.0)], site(pue=2.0))
    assert nature.energy.value == pytest.approx(2 * 10 * 25)
    assert nature.a_joules == pytest.approx(2 * 10 * 5)
    assert nature.e_watts == pytest.approx(10)


def test_unrecorded_end_is_a_lower_bound() -> None:
    nature = nature_ledger([one_attempt(other_seconds=None)], site())
    assert nature.energy.value == pytest.approx(200)
    assert nature.incomplete == ("run",)
    assert nature_ledger([one_attempt()], site()).incomplete == ()


def test_time_without_power_is_unknown() -> None:
    nature = nature_ledger([one_attempt(), one_attempt(id="2", name="b", power=())], site())
    assert nature.energy.value is None
    assert nature.unknown == ("power of 'b'",)
    with pytest.raises(ValueError, match=r"^the closed form needs a known sum with at least one"):
        summarise([one_attempt()], nature)


def test_a_figure_that_is_unknown_names_itself() -> None:
    tools = (fixed(None, "J", "synthesis"),)
    assert nature_ledger([one_attempt(tools=tools)], site()).unknown == ("synthesis",)


def test_no_attempts() -> None:
    with pytest.raises(ValueError, match=r"^NATURE of no attempts: the ledger is empty$"):
        nature_ledger([], site())


def test_psu_loss_belongs_to_a() -> None:
    supply = Site(
        pue=fixed(1.5, "1"), loss=fixed(0.2, "1"), psu_efficiency=fixed(0.8, "1", "supply")
    )
    nature = nature_ledger([one_attempt(setup=(fixed(40.0, "J", "data"),))], supply)
    assert nature.e_watts == pytest.approx(10)
    assert nature.energy.value == pytest.approx(240 / 0.8 * 1.5 / 0.8)
    # (1 / eta - 1) * E_dc beside the set-up, at the same boundary.
    assert nature.a_joules == pytest.approx((40 + 240 * (1 / 0.8 - 1)) * 1.5 / 0.8)


# --- Properties ---------------------------------------------------------------------------------

watts = st.floats(0.1, 1e5)
pues = st.floats(1.0, 5.0)
losses = st.floats(0.0, 0.9)
epoch_lists = st.lists(
    st.lists(st.floats(0.1, 1e4), min_size=1, max_size=4), min_size=1, max_size=5
)


def ledger_of(times: list[list[float]], power: float) -> list[Attempt]:
    return [
        one_attempt(
            id=str(index), epochs=len(t), seconds=tuple(t), power=(fixed(power + index, "W"),)
        )
        for index, t in enumerate(times)
    ]


def exact(attempts: list[Attempt], where: Site) -> Nature:
    return nature_ledger(attempts, where, draws=1)


def energy(attempts: list[Attempt], where: Site) -> float:
    value = exact(attempts, where).energy.value
    assert value is not None
    return value


@settings(deadline=None)
@given(watts, pues, losses, epoch_lists)
def test_identity(power: float, pue: float, loss: float, times: list[list[float]]) -> None:
    nature = exact(ledger_of(times, power), site(pue, loss))
    assert nature.e_watts is not None and nature.u_watts is not None and nature.r_watts is not None
    whole = nature.e_watts + nature.u_watts + nature.r_watts
    assert whole == pytest.approx(nature.e_watts * pue / (1 - loss))
    assert nature.energy.value == pytest.approx(whole * nature.training_seconds)


@settings(deadline=None)
@given(watts, st.tuples(pues, pues), st.tuples(losses, losses), epoch_lists)
def test_monotone(
    power: float,
    pue: tuple[float, float],
    loss: tuple[float, float],
    times: list[list[float]],
) -> None:
    attempts = ledger_of(times, power)
    for low, high in (
        (site(min(pue), loss[0]), site(max(pue), loss[0])),
        (site(pue[0], min(loss)), site(pue[0], max(loss))),
    ):
        assert energy(attempts, low) <= energy(attempts, high) * (1 + 1e-12)
    assert energy(attempts, site(pue[0], 0.1)) < energy(attempts, site(pue[0] + 0.1, 0.1))
    assert energy(attempts, site(pue[0], 0.1)) < energy(attempts, site(pue[0], 0.2))


@settings(deadline=None)
@given(st.permutations(range(20)))
def test_permutation_of_attempts(order: list[int]) -> None:
    attempts = example_b()
    nature = nature_ledger([attempts[i] for i in order], DESK, draws=100)
    straight = nature_ledger(attempts, DESK, draws=100)
    assert nature.energy.value == pytest.approx(straight.energy.value)
    assert nature.energy.interval == pytest.approx(straight.energy.interval)
    assert nature.e_watts == pytest.approx(straight.e_watts)


@settings(deadline=None)
@given(watts, pues, losses, epoch_lists, epoch_lists)
def test_windows_add_up(
    power: float, pue: float, loss: float, first: list[list[float]], second: list[list[float]]
) -> None:
    where = site(pue, loss)
    a, b = ledger_of(first, power), ledger_of(second, power)
    assert energy(a + b, where) == pytest.approx(energy(a, where) + energy(b, where))


@settings(deadline=None)
@given(watts, epoch_lists)
def test_splitting_a_window_changes_nothing(power: float, times: list[list[float]]) -> None:
    listed = ledger_of(times, power)
    lumped = [
        one_attempt(id=a.id, epochs=a.epochs, seconds=a.training_seconds, power=a.power)
        for a in listed
    ]
    assert energy(listed, site()) == pytest.approx(energy(lumped, site()))


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(1, 50), watts, st.floats(0, 1e6), pues, losses)
def test_closed_form_is_the_paper_formula(
    n_exp: int, epochs: int, power: float, setup: float, pue: float, loss: float
) -> None:
    nature = nature_closed_form(
        n_exp=n_exp,
        power=[fixed(power, "W")],
        seconds=fixed(42.0, "s/epoch"),
        epochs=epochs,
        setup=[fixed(setup, "J")],
        site=site(pue, loss),
        draws=1,
    )
    assert nature.a_joules is not None
    assert nature.a_joules == pytest.approx(n_exp * setup * pue / (1 - loss))
    assert nature.energy.value == pytest.approx(
        closed_form(n_exp, nature.a_joules / n_exp, 42.0, power * pue / (1 - loss), epochs)
    )


def test_linear_propagation_matches_monte_carlo_where_it_is_linear() -> None:
    parts = [
        Figure(
            name=name,
            value=10.0,
            unit="W",
            kind="measured",
            subkind="meter",
            boundary="board",
            source="meter",
            interval=(10 - half, 10 + half),
            distribution="normal",
        )
        for name, half in (("a", 3.0), ("b", 4.0))
    ]
    spread = propagate(lambda x: sum(x.values()), parts, draws=200_000)
    assert spread.quick == pytest.approx((15, 25))
    assert spread.interval == pytest.approx((15, 25), rel=0.01)
    assert spread.contributors == (("b", pytest.approx(0.64)), ("a", pytest.approx(0.36)))


@pytest.mark.parametrize("mode", [1.0, 9.0])
def test_interval_contains_the_value_of_a_skewed_input(mode: float) -> None:
    skewed = Figure(
        name="a",
        value=mode,
        unit="W",
        kind="assumed",
        subkind="default",
        boundary="board",
        source="test",
        interval=(1.0, 9.0),
        distribution="triangular",
    )
    low, high = propagate(lambda x: x[skewed], [skewed]).interval
    tail = math.sqrt(0.025 * 64)
    assert low == (1.0 if mode == 1.0 else pytest.approx(1 + tail, rel=0.02))
    assert high == (9.0 if mode == 9.0 else pytest.approx(9 - tail, rel=0.02))


def test_at_most_three_contributors() -> None:
    parts = [RAPL.times(1 + i, name=str(i), unit="W") for i in range(5)]
    parts = [Figure.from_json(part.to_json() | {"group": None}) for part in parts]
    spread = propagate(lambda x: sum(x.values()), parts, draws=10)
    assert [name for name, _ in spread.contributors] == ["4", "3", "2"]


# --- Misuse -------------------------------------------------------------------------------------


def misuse(**changes: Any) -> None:
    arguments: dict[str, Any] = {
        "n_exp": 20,
        "power": [fixed(71.0, "W")],
        "seconds": fixed(42.0, "s/epoch", "epoch"),
        "epochs": 30,
        "site": site(),
    }
    nature_closed_form(**(arguments | changes), draws=1)


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"power": [fixed(1000.0, "J", "energy")]},
            "E must be in 'W', not 'energy' in 'J': an energy is not multiplied by seconds",
        ),
        (
            {"power": [fixed(71.0, "W"), fixed(1.0, "kWh", "energy")]},
            "E must be in 'W', not 'energy' in 'kWh': an energy is not multiplied by seconds",
        ),
        (
            {"power": [fixed(71.0, "W"), fixed(369.0, "g/kWh", "grid")]},
            "E must be in 'W', not 'grid' in 'g/kWh':"
            " a carbon intensity is no part of a power; CO2e is a separate output",
        ),
        ({"power": []}, "E: nothing to add"),
        (
            {"power": [fixed(1, "W", boundary="board"), fixed(1, "W", boundary="FPGA core rail")]},
            "E: 'FPGA core rail' is inside 'board'; adding both overlaps",
        ),
        (
            {"seconds": fixed(1260.0, "s", "run")},
            "T is 'run' in 's', a whole run, with epochs = 30:"
            " give it in 's/epoch' or set epochs = 1",
        ),
        (
            {"seconds": fixed(0.35, "h", "run")},
            "T must be in 's/epoch' or 's', not 'run' in 'h'",
        ),
        ({"setup": [fixed(18.0, "s", "set-up")]}, "setup must be in 'J', not 'set-up' in 's'"),
        ({"n_exp": 0}, "n_exp must be at least 1, not 0"),
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
    ],
)
def test_closed_form_refuses(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        misuse(**changes)


def test_the_base_of_the_misuse_tests_is_fine() -> None:
    misuse()
    misuse(seconds=fixed(1260.0, "s", "run"), epochs=1)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"pue": fixed(0.99, "1")}, "PUE must be at least 1, not 0.99"),
        ({"pue": fixed(1.5, "W", "cooling")}, "PUE must be in '1', not 'cooling' in 'W'"),
        ({"loss": fixed(1.0, "1")}, "grid loss must be in 0..1, without 1, not 1.0"),
        ({"loss": fixed(-0.01, "1")}, "grid loss must be in 0..1, without 1, not -0.01"),
        (
            {"loss": fixed(369.0, "g/kWh", "grid")},
            "grid loss must be in '1', not 'grid' in 'g/kWh':"
            " a carbon intensity is no part of a power; CO2e is a separate output",
        ),
        (
            {"psu_efficiency": fixed(0.0, "1")},
            "PSU efficiency must be above 0 and at most 1, not 0.0",
        ),
        (
            {"psu_efficiency": fixed(1.01, "1")},
            "PSU efficiency must be above 0 and at most 1, not 1.01",
        ),
        (
            {"intensity": fixed(0.369, "kg/kWh", "grid", "generation")},
            "carbon intensity must be in 'g/kWh', not 'grid' in 'kg/kWh'",
        ),
        (
            {"intensity": fixed(369.0, "g/kWh", "grid", "USA")},
            "boundary of a carbon intensity must be 'generation' or 'consumption', not 'USA'",
        ),
        (
            {"intensity": fixed(369.0, "g/kWh", "grid", "consumption")},
            "a carbon intensity of consumption contains the grid loss: declare a loss of 0",
        ),
    ],
)
def test_site_refuses(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"pue": fixed(1.0, "1"), "loss": fixed(0.05, "1")}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Site(**(arguments | changes))


def test_the_interval_must_be_in_range_too() -> None:
    wide = Figure.from_json(UNKNOWN_PUE.to_json() | {"interval": (0.9, 2.0)})
    with pytest.raises(ValueError, match=r"^PUE must be at least 1, not 0\.9$"):
        Site(pue=wide, loss=GRID_LOSS["USA"])


def test_consumption_intensity_without_loss() -> None:
    grid = fixed(400.0, "g/kWh", "grid", "consumption")
    where = Site(pue=DESK_PUE, loss=fixed(0.0, "1"), intensity=grid)
    nature = nature_ledger([one_attempt(seconds=3.6e6 / 10)], where)
    assert nature.co2e is not None and nature.co2e.value == pytest.approx(0.4)


def test_unknown_intensity_leaves_the_energy_known() -> None:
    where = Site(pue=DESK_PUE, loss=GRID_LOSS["USA"], intensity=intensity("CAF"))
    nature = nature_ledger(example_b(), where)
    assert nature.co2e is None
    assert nature.energy.value == pytest.approx(1.720e6, abs=500)


def test_constants() -> None:
    assert (UNKNOWN_PUE.value, UNKNOWN_PUE.interval) == (1.56, (1.1, 2.0))
    assert UNKNOWN_PUE.distribution == "triangular"
    assert DESK_PUE.value == 1.0
    assert {which: pue.value for which, pue in PUBLISHED_PUE.items()} == {
        "2018": 1.58,
        "2019": 1.67,
        "2020": 1.59,
        "2021": 1.57,
        "2022": 1.55,
        "2023": 1.58,
        "2024": 1.56,
        "Iowa": 1.11,
    }
    assert PUBLISHED_PUE["2024"].value == UNKNOWN_PUE.value
    assert {place: loss.value for place, loss in GRID_LOSS.items()} == {
        "USA": 0.05,
        "IND": 0.214,
        "world": 0.08,
    }


def test_brain_seconds() -> None:
    assert brain_seconds(1720.0) == 86.0


def test_a_record_of_tools_alone_is_no_experiment():
    tools = fixed(7315.0, "J", "place and route")
    build = replace(
        one_attempt(),
        id="build",
        epochs=0,
        seconds=0.0,
        other_seconds=0.0,
        power=(),
        tools=(tools,),
    )
    exact = nature_ledger([one_attempt(), build], DESK)
    summary = summarise([one_attempt(), build], exact)
    assert summary.n_exp == 1
    assert summary.residual == pytest.approx(0)
