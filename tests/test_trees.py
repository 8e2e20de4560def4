"""Flattening and rebuilding trees."""

from collections import namedtuple
from dataclasses import dataclass

import pytest

from gradc.trees import LEAF, flatten, leaf_paths, map_tree, unflatten

Point = namedtuple("Point", "x y")


@dataclass(frozen=True)
class Layer:
    weight: float
    bias: float

    def __post_init__(self):
        if not isinstance(self.weight, float):
            raise TypeError


TREES = [
    1.0,
    (),
    (1, 2, [3, (4,)]),
    {"b": 1, "a": {"c": 2}},
    Point(1, (2, 3)),
    Layer(1.0, 2.0),
    [None, 1, {"k": None}],
]


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_round_trip(tree):
    leaves, treedef = flatten(tree)
    hash(treedef)
    assert unflatten(treedef, leaves) == tree


def test_none_is_a_node_without_leaves():
    assert flatten(None) == ([], None)
    assert flatten(3) == ([3], LEAF)


def test_dicts_keep_their_order():
    leaves, treedef = flatten({"b": 1, "a": 2})
    assert leaves == [1, 2]
    assert list(unflatten(treedef, leaves)) == ["b", "a"]


def test_paths_name_leaves_as_the_user_would():
    tree = ({"w1": 1, "l": [1, 2]}, Point(1, 2), Layer(1.0, 2.0))
    assert leaf_paths(flatten(tree)[1], "p") == [
        "p[0]['w1']",
        "p[0]['l'][0]",
        "p[0]['l'][1]",
        "p[1].x",
        "p[1].y",
        "p[2].weight",
        "p[2].bias",
    ]


def test_a_dataclass_is_rebuilt_without_its_checks():
    assert map_tree(str, Layer(1.0, 2.0)).weight == "1.0"


def test_different_shapes_differ():
    shapes = {flatten(tree)[1] for tree in (1, [1], (1,), {"a": 1}, {"b": 1}, Point(1, 2), (1, 2))}
    assert len(shapes) == 7
