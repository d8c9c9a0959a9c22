"""The cheapest sequence of states."""

from itertools import pairwise, product

import numpy as np

from drivetrain.data import viterbi


def price(sequence: tuple[int, ...], cost: np.ndarray, moves: np.ndarray) -> float:
    stays = sum(cost[state, at] for at, state in enumerate(sequence))
    return float(stays + sum(moves[pair] for pair in pairwise(sequence)))


def test_no_sequence_is_cheaper() -> None:
    random = np.random.default_rng(1)
    for _ in range(40):
        states, samples = random.integers(1, 5), int(random.integers(1, 6))
        cost = random.uniform(0.0, 3.0, (states, samples))
        moves = random.uniform(0.0, 3.0, (states, states))
        every = product(range(states), repeat=samples)
        best = min(every, key=lambda one: price(one, cost, moves))
        assert tuple(viterbi.cheapest(cost, moves).tolist()) == best


def test_of_equal_states_the_first_is_taken() -> None:
    assert viterbi.cheapest(np.ones((3, 4)), np.zeros((3, 3))).tolist() == [0, 0, 0, 0]


def test_the_costs_are_left_as_they_are() -> None:
    for shape in ((1, 4), (3, 1), (3, 4)):
        cost = np.ones(shape)
        viterbi.cheapest(cost, np.ones((shape[0], shape[0])))
        assert (cost == 1).all()
