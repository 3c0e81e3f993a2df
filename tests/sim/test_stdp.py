"""How weights change: against the published rule in floating point, and in range always."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubel.hdl.lfsr_params import LFSR_SEED, LFSR_WIDTH
from hubel.hdl.stdp_params import VALUE_MAX, LearningParams, LearningRates, Rule
from hubel.sim.lfsr import advance, random_bits
from hubel.sim.stdp import HALF, bounded, change, leak, moved, post_update, pre_update

NEVER = None

#: Time of the input, time of the neuron, weight before, whether it is potentiation; as SpykeTorch
#: decides: an input that spiked at or before the neuron, equal times included, and no other.
CASES = [
    (0, 5, 0.5, True),
    (4, 5, 0.5, True),
    (5, 5, 0.5, True),
    (6, 5, 0.5, False),
    (NEVER, 5, 0.5, False),
    (0, 0, 0.5, True),
    (NEVER, 0, 0.5, False),
    (1, 3, 0.0, True),
    (1, 3, 1.0, True),
    (NEVER, 3, 0.0, False),
    (NEVER, 3, 1.0, False),
    (2, 3, 0.8, True),
    (NEVER, 3, 0.8, False),
    (2, 3, 1 / 255, True),
    (NEVER, 3, 254 / 255, False),
]


def published(w: float, potentiation: bool, a_plus: float, a_minus: float) -> float:
    """Kheradpisheh et al. 2018, equation 6, with the clamp of SpykeTorch."""
    rate = a_plus if potentiation else -a_minus
    return min(max(w + rate * w * (1 - w), 0.0), 1.0)


@pytest.mark.parametrize("width", [8, 16])
@pytest.mark.parametrize("a_plus, a_minus", [(0.004, 0.003), (0.15, 0.1125), (0.9, 0.9)])
@pytest.mark.parametrize("pre, post, w, potentiation", CASES)
def test_the_published_rule(
    pre: int | None, post: int, w: float, potentiation: bool, a_plus: float, a_minus: float,
    width: int,
) -> None:  # fmt: skip
    """The mean over all random bits is the published change, to what the rates and the products
    are cut to: 2**-16 of a rate, 2**-(2 * width - 16) of w * (1 - w) and 2**-16 LSB."""
    params = LearningParams(inputs=8, neurons=8, weight_width=width)
    top = params.weight_max
    before = round(w * top)
    # The trace as it is at the time of the neuron's spike.
    trace = 0 if pre is None or pre > post else 65535
    bits = np.arange(0, 65536, 16)
    after = post_update(
        np.full(len(bits), before), np.full(len(bits), trace), rule=Rule.FIRED, sign=1,
        a_plus=LearningRates.rate("a_plus", a_plus, params),
        a_minus=LearningRates.rate("a_minus", a_minus, params), width=width, bits=bits,
    )  # fmt: skip
    expected = top * published(before / top, potentiation, a_plus, a_minus)
    # w * (top - w) is cut to 16 bits, divided by top + 1 instead of top, and the fraction has 12
    # different values here.
    bound = a_plus * top / 2**16 + top / 4 / 2**17 + abs(expected - before) / top + 2**-11
    assert abs(after.mean() - expected) <= bound
    if 0 < before < top:
        assert (after.mean() > before) == potentiation
    else:
        assert (after == before).all()


def test_a_punishment_turns_the_rule_round() -> None:
    weights, traces = np.array([100, 100]), np.array([65535, 0])
    rates = {"rule": Rule.FIRED, "a_plus": 6554, "a_minus": 3277, "width": 8, "bits": HALF}
    assert post_update(weights, traces, sign=1, **rates).tolist() == [106, 97]
    assert post_update(weights, traces, sign=-1, **rates).tolist() == [94, 103]


def test_pairs_follow_the_traces() -> None:
    traces = np.array([0, 16384, 65535])
    weights = np.full(3, 100)
    after = post_update(
        weights, traces, rule=Rule.PAIR, a_plus=6554, a_minus=0, sign=1, width=8, bits=HALF
    )
    # 0.1 * trace * 256 LSB.
    assert after.tolist() == [100, 106, 126]
    after = pre_update(weights, traces, a_minus=6554, sign=1, width=8, bits=HALF)
    assert after.tolist() == [100, 94, 74]


def test_every_factor_and_decay_at_its_ends() -> None:
    assert bounded(np.array([0, 1, 127, 254, 255]), 8).tolist() == [0, 254, 16256, 254, 0]
    assert bounded(np.array([0, 32767, 65535]), 16).tolist() == [0, 16383, 0]
    assert leak(np.array([65535, 1, 0]), 4096).tolist() == [65535, 1, 0]
    assert leak(np.array([65535, 1]), 4095).tolist() == [65519, 0]
    assert moved(np.array([250, 5]), np.array([10, 10]), np.array([True, False]), 8).tolist() == [
        255, 0,
    ]  # fmt: skip


@given(
    weights=st.lists(st.integers(0, 65535), min_size=4, max_size=4),
    traces=st.lists(st.integers(0, 65535), min_size=4, max_size=4),
    bits=st.integers(0, 65535),
    a_plus=st.integers(0, 65535),
    a_minus=st.integers(0, 65535),
    rule=st.sampled_from(Rule),
    sign=st.sampled_from([-1, 1]),
    width=st.sampled_from([8, 16]),
)
def test_weights_stay_in_range(weights, traces, bits, a_plus, a_minus, rule, sign, width) -> None:
    top = (1 << width) - 1
    before, x = np.minimum(np.array(weights), top), np.array(traces)
    after = post_update(
        before, x, rule=rule, a_plus=a_plus, a_minus=a_minus, sign=sign, width=width, bits=bits
    )
    assert 0 <= after.min() and after.max() <= top
    after = pre_update(before, x, a_minus=a_minus, sign=sign, width=width, bits=bits)
    assert 0 <= after.min() and after.max() <= top


@given(factor=st.integers(0, 65535), rate=st.integers(0, 65535), width=st.sampled_from([8, 16]))
def test_rounding_has_no_bias(factor: int, rate: int, width: int) -> None:
    """Over all random bits the mean of the rounded change is the exact one, cut to 2**-16 LSB."""
    bits = np.arange(65536)
    mean = change(np.full(65536, factor), rate, width, bits).mean()
    assert mean == ((factor * rate) >> (16 - width)) / 65536


def test_the_register_is_a_plain_shift_register_62_shifts_on() -> None:
    state = LFSR_SEED
    assert state.bit_length() <= LFSR_WIDTH
    for _ in range(3):
        bits = [state >> i & 1 for i in range(LFSR_WIDTH)]
        for _ in range(62):
            bits = [*bits[1:], bits[0] ^ bits[1]]
        state = advance(state)
        assert state == sum(bit << i for i, bit in enumerate(bits))


def test_random_bits_are_even_and_lanes_differ() -> None:
    state, seen = LFSR_SEED, []
    for _ in range(4000):
        seen.append([random_bits(state, lane, 4) for lane in range(4)])
        state = advance(state)
    values = np.array(seen)
    # Standard deviation of the mean of 4000 uniform values: 65536 / sqrt(12 * 4000) = 299.
    assert np.abs(values.mean(axis=0) - 32767.5).max() < 5 * 299
    assert np.abs(np.corrcoef(values.T) - np.eye(4)).max() < 0.1
    assert np.abs(np.corrcoef(values[:-1, 0], values[1:, 0])[0, 1]) < 0.1


def test_a_rate_that_rounds_to_nothing_is_refused() -> None:
    params = LearningParams(inputs=8, neurons=8)
    assert LearningRates.rate("a_plus", 0.004, params) == 262
    assert LearningRates.rate("a_plus", 0.0, params) == 0
    with pytest.raises(ValueError, match=r"^a_plus = 5e-06 rounds to nothing: the smallest rate is "
                       r"1/65536 = 1.53e-05$"):  # fmt: skip
        LearningRates.rate("a_plus", 5e-6, params)
    refused = (
        r"^a_plus = 0.004 changes a weight of 8 bits by 0.254 LSB at most, which rounds to "
        r"nothing: .* a rate of 0.00787 or more$"
    )
    with pytest.raises(ValueError, match=refused):
        LearningRates.rate("a_plus", 0.004, params, nearest=True)


@pytest.mark.parametrize(
    "rule, x_step", [(Rule.FIRED, 9), (Rule.PAIR, VALUE_MAX), (Rule.PAIR, 999)]
)
@pytest.mark.parametrize("width", [8, 16])
def test_what_is_refused_changes_no_weight_and_the_rest_some(
    rule: Rule, x_step: int, width: int
) -> None:
    """All weights, the largest trace that a spike in every step leaves."""
    params = LearningParams(inputs=8, neurons=8, weight_width=width)
    weights = np.arange(params.weight_max + 1)
    decay, trace = 3072, 0
    for _ in range(100):
        trace = min((trace * decay >> 12) + x_step, VALUE_MAX)
    refused = []
    for rate in (1, 2, 3, 10, 30, 100, 515, 516, 517, 2000, 40000):
        rates = LearningRates(rule=rule, nearest=True, a_plus=rate, x_decay=decay, x_step=x_step)
        bits = np.full(len(weights), HALF)
        after = post_update(
            weights, np.full(len(weights), trace), rule=rule, a_plus=rate, a_minus=0, sign=1,
            width=width, bits=bits,
        )  # fmt: skip
        if (after == weights).all():
            refused.append(rate)
            with pytest.raises(ValueError, match=r"^a_plus = .* which rounds to nothing: "):
                rates.check(params)
        else:
            rates.check(params)
        replace(rates, nearest=False).check(params)
        replace(rates, learn=False).check(params)
    # A trace of 65535 is a whole LSB of 16 bits for every rate.
    assert bool(refused) != (width == 16 and x_step == VALUE_MAX)
    assert 40000 not in refused
    with pytest.raises(ValueError, match=r"^a_minus must be in 0..1, without 1, not 1$"):
        LearningRates.rate("a_minus", 1, params)
    with pytest.raises(ValueError, match=r"^x_decay must be in 0..4096, not 4097$"):
        LearningRates(x_decay=4097)
    with pytest.raises(
        ValueError, match=r"^inputs must be a multiple of 4 lanes in 8..1024, not 9"
    ):
        LearningParams(inputs=9, neurons=8)
