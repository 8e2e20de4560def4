"""Records are the data classes of the standard library, but for when their methods are written."""

import copy
import dataclasses
import pickle
import re
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gradc import records

PACKAGE = Path(records.__file__).parent

# What users hold: help() shows how these are made.
PUBLIC = {"options.py", "artifact.py"}

OPTIONS: list[dict[str, bool]] = [
    {},
    {"eq": False},
    {"slots": True},
    {"frozen": True},
    {"frozen": True, "slots": True},
    {"frozen": True, "slots": True, "eq": False},
    {"frozen": True, "slots": True, "order": True},
    {"frozen": True, "slots": True, "weakref_slot": True},
]


def point(decorate: Callable[..., Any], options: dict[str, bool]) -> Any:
    @decorate(**options)
    class Point:
        """A place with a name."""

        SIDES: ClassVar[int] = 4

        x: int
        y: int = 2
        tags: tuple[str, ...] = field(default_factory=tuple, compare=False)
        seen: list[int] = field(default_factory=list, repr=False, compare=False)
        twice: int = field(init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "twice", 2 * self.x)

    return Point


def outcome(act: Callable[[], Any]) -> Any:
    """Return what happened, without the address that tells an object from another."""
    try:
        return re.sub(r" at 0x\w+", "", repr(act()))
    except Exception as error:
        return type(error), re.sub(r"\w+\.<locals>\.", "", str(error))


def acts(cls: Any) -> list[Any]:
    """Do everything one can do to a record."""
    a, b, c = cls(1), cls(1), cls(3, 4, ("t",))
    return [
        outcome(lambda: a),
        outcome(lambda: c),
        outcome(lambda: a.twice),
        outcome(lambda: a == b),
        outcome(lambda: a == c),
        outcome(lambda: a == 1),
        outcome(lambda: a < c),
        outcome(lambda: c >= a),
        outcome(lambda: hash(a) == hash(b)),
        outcome(lambda: setattr(c, "x", 5)),
        outcome(lambda: delattr(c, "x")),
        outcome(lambda: copy.copy(a)),
        outcome(lambda: copy.deepcopy(a).seen is a.seen),
        outcome(lambda: dataclasses.replace(a, y=7)),
        outcome(lambda: dataclasses.astuple(b)),
        outcome(lambda: [one.name for one in dataclasses.fields(a)]),
        outcome(lambda: cls.__match_args__),
        outcome(lambda: cls.SIDES),
        outcome(lambda: cls()),
        outcome(lambda: cls(1, z=2)),
        outcome(lambda: cls.__init__.__qualname__.rpartition(".")[2]),
        hasattr(a, "__dict__"),
        hasattr(cls, "__weakref__"),
    ]


@pytest.mark.parametrize("few", [0, 2, 8])
@pytest.mark.parametrize("options", OPTIONS, ids=repr)
def test_a_record_does_what_a_data_class_does(
    options: dict[str, bool], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_FEW", few)
    assert acts(point(records.dataclass, options)) == acts(point(dataclasses.dataclass, options))


def test_a_record_without_options_needs_no_brackets() -> None:
    @records.dataclass
    class Pair:
        a: int
        b: int

    assert Pair(1, 2) == Pair(1, 2)
    assert repr(Pair(1, b=2)).endswith("Pair(a=1, b=2)")
    with pytest.raises(TypeError, match="unhashable"):
        hash(Pair(1, 2))


def test_methods_of_its_own_stay() -> None:
    @records.dataclass(frozen=True, slots=True)
    class Mine:
        a: int

        def __repr__(self) -> str:
            return "mine"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    assert (repr(Mine(1)), Mine(1) == Mine(2), hash(Mine(1))) == ("mine", True, 7)


def test_a_record_inherits_fields() -> None:
    @records.dataclass(frozen=True)
    class Base:
        a: int

    @records.dataclass(frozen=True)
    class Derived(Base):
        b: int = 2

    assert Derived(1) == Derived(1, 2)
    assert Derived(1) != Base(1)
    assert repr(Derived(1)).endswith("Derived(a=1, b=2)")


@records.dataclass(frozen=True, slots=True)
class Kept:
    a: int
    b: tuple[int, ...] = ()


def test_a_record_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept(1, (2, 3)))) == Kept(1, (2, 3))


def test_methods_are_written_when_they_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    real = dataclasses.dataclass

    def watched(**options: Any) -> Any:
        made.append(options)
        return real(**options)

    monkeypatch.setattr(dataclasses, "dataclass", watched)
    cls = point(records.dataclass, {"frozen": True, "slots": True})
    promised = cls.__init__
    assert [options["eq"] for options in made] == [False]
    first = [cls(k) for k in range(records._FEW)]
    assert cls.__init__ is promised
    cls(0)
    assert cls.__init__ is not promised
    assert [(one.x, one.y, one.tags, one.seen, one.twice) for one in first[:2]] == [
        (0, 2, (), [], 0),
        (1, 2, (), [], 2),
    ]
    assert first[0].seen is not first[1].seen
    written = cls.__init__
    cls(2)
    assert cls.__init__ is written
    assert len(made) == 1  # nothing but the constructor
    assert hash(cls(1)) == hash(cls(1))
    assert cls(1) == cls(1)
    assert len(made) == 2  # what compares, together


def test_the_package_makes_records() -> None:
    direct = {
        path.name
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^from dataclasses import .*\bdataclass\b", path.read_text(), re.MULTILINE)
    }
    assert direct == PUBLIC
