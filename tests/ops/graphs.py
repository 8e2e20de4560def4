"""Graphs of one op, and the chain rule written out once more: the oracle of the rules alone."""

import zlib

import numpy as np

from gradc.ir import ZERO_DERIVATIVE, ArrayType, Graph, Kind, Linear, Partials, Value
from gradc.ir.interpret import interpret
from gradc.ir.verify import verify


def generator(*labels):
    """A generator seeded by what the test is about; the seed shows when the test fails."""
    seed = zlib.crc32(repr(labels).encode())
    print(f"seed {seed} from {labels}")
    return np.random.default_rng(seed)


def record(op, arrays, params):
    """Return a graph whose only output is the op of its inputs."""
    graph = Graph(op.name)
    inputs = [graph.input(f"x{i}", ArrayType.like(a)) for i, a in enumerate(arrays)]
    out = op(*inputs, **params) if inputs else graph.value(graph.add(op, (), params))
    graph.outputs = [out.id]
    return graph


def run(graph, *arrays):
    verify(graph)
    return interpret(graph, *arrays)


def apply(op, *arrays, **params):
    """Evaluate an op through a graph."""
    return run(record(op, arrays, params), *arrays)[0]


def pull(graph, id, ct):
    """Return the cotangents of a node's operands."""
    node, out = graph[id], graph.value(id)
    operands, rule = graph.values(node.operands), graph[id].op.derivative
    if rule is ZERO_DERIVATIVE:
        return [None] * len(operands)
    if isinstance(rule, Partials):
        return [None if p is None else ct * p for p in rule.fn(out, *operands)]
    if isinstance(rule, Linear):
        return rule.transpose(ct, out, *operands, **node.params)
    return rule.vjp(ct, out, *operands, **node.params)


def push(graph, id, dots):
    """Return the tangent of a node."""
    node, out = graph[id], graph.value(id)
    operands, rule = graph.values(node.operands), graph[id].op.derivative
    if isinstance(rule, Partials):
        partials = rule.fn(out, *operands)
        terms = [d * p for d, p in zip(dots, partials, strict=True) if None not in (d, p)]
    elif isinstance(rule, Linear):
        terms = _push_linear(node, rule, operands, dots)
    else:
        terms = [rule.jvp(dots, out, *operands, **node.params)]
    return sum(terms[1:], start=terms[0]) if terms else None


def _push_linear(node, rule, operands, dots):
    slots = range(len(operands)) if rule.slots is None else rule.slots
    if node.op.kind is not Kind.CONTRACTION:
        given = [
            x if i not in slots else (x.full_like(0.0) if d is None else d)
            for i, (x, d) in enumerate(zip(operands, dots, strict=True))
        ]
        return [node.op(*given, **node.params)]
    return [
        node.op(*[dots[s] if i == s else x for i, x in enumerate(operands)], **node.params)
        for s in slots
        if dots[s] is not None
    ]


def gradients(graph, out: Value, ct: Value, wrt):
    """Sum over children, for graphs small enough not to care."""
    found = {out.id: ct}
    for node in list(reversed(graph.nodes[: out.id + 1])):
        ct = found.get(node.id)
        if ct is None or not node.operands or node.type.dtype.kind != "f":
            continue
        for operand, term in zip(node.operands, pull(graph, node.id, ct), strict=True):
            if term is None or graph[operand].type.dtype.kind != "f":
                continue
            term = term if isinstance(term, Value) else graph.value(operand).full_like(term)
            assert term.type == graph[operand].type, (node, operand, term)
            found[operand] = found[operand] + term if operand in found else term
    return [found.get(id, graph.value(id).full_like(0.0)) for id in wrt]


def vjp(op, arrays, params, ct):
    """Return the op's pullback of ``ct``, one array (or None) for each operand."""
    graph = record(op, arrays, params)
    seed = graph.input("ct", ArrayType.like(ct))
    terms = pull(graph, graph.outputs[0], seed)
    kept = [t for t in terms if t is not None]
    graph.outputs = [t.id for t in kept]
    values = iter(run(graph, *arrays, ct))
    return [None if t is None else next(values) for t in terms]


def jvp(op, arrays, params, dots):
    """Return the op's tangent for tangents of the floating-point operands (None: no tangent)."""
    graph = record(op, arrays, params)
    seeds = [
        None if d is None else graph.input(f"d{i}", ArrayType.like(d)) for i, d in enumerate(dots)
    ]
    dot = push(graph, graph.outputs[0], seeds)
    if dot is None:
        return None
    graph.outputs = [dot.id]
    return run(graph, *arrays, *[d for d in dots if d is not None])[0]


def second_order(op, arrays, params, ct, weights):
    """Return the pullback of ``ct``, and the gradient of its product with the weights."""
    graph = record(op, arrays, params)
    out = graph.value(graph.outputs[0])
    seed = graph.constant(ct)
    floats = [i for i, a in zip(graph.inputs, arrays, strict=True) if a.dtype.kind == "f"]
    first = gradients(graph, out, seed, floats)
    terms = [(g * graph.constant(w)).sum() for g, w in zip(first, weights, strict=True)]
    total = sum(terms[1:], start=terms[0])
    again = gradients(graph, total, graph.literal(1.0, total.dtype), floats)
    graph.outputs = [g.id for g in (*first, *again)]
    values = run(graph, *arrays)
    return values[: len(floats)], values[len(floats) :]
