"""Where code goes by the order of a set, which differs between processes: read off a syntax tree.

What is a set is told by literals, calls, and the annotations and assignments of names, which are
taken together over all modules: a name that is a set somewhere counts as one everywhere.
"""

import ast
from collections.abc import Iterable, Iterator

SET_TYPES = frozenset({"AbstractSet", "FrozenSet", "MutableSet", "Set", "frozenset", "set"})
SET_METHODS = frozenset({"difference", "intersection", "symmetric_difference", "union"})
VIEW_METHODS = frozenset({"items", "keys"})
ELEMENT_METHODS = frozenset({"get", "pop", "setdefault"})
SET_OPERATORS = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.Sub)
ORDERLESS = frozenset({"all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum"})
"""What gives the same in whatever order, unless a `key` leaves ties."""
IN_ORDER = frozenset(
    {"deque", "dict", "enumerate", "filter", "iter", "list", "map", "reversed", "tuple", "zip"}
)
IN_ORDER_METHODS = frozenset(
    {"chain", "extend", "from_iterable", "fromkeys", "islice", "join", "pairwise", "reduce"}
)
WHAT = "the order of a set: sort it, or keep a dict"


class SetNames:
    """Names of variables, fields, parameters and functions that are sets, or that hold them."""

    def __init__(self, trees: Iterable[ast.Module]) -> None:
        self.sets: set[str] = set()
        self.holders: set[str] = set()
        nodes = [node for tree in trees for node in ast.walk(tree)]
        for node in nodes:
            self._annotated(node)
        size = -1
        while size != len(self.sets):  # a name may get its set from a name further down
            size = len(self.sets)
            for node in nodes:
                self._assigned(node)

    def is_set(self, node: ast.AST | None) -> bool:
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return name in self.sets
            case ast.Call(func=ast.Name(id=name)):
                return name in SET_TYPES or name in self.sets
            case ast.Call(func=ast.Attribute(value=value, attr=name)):
                return (
                    name in SET_METHODS
                    or name in self.sets
                    or (name == "copy" and self.is_set(value))
                    or (name in ELEMENT_METHODS and self._holds_sets(value))
                )
            case ast.Subscript(value=value):
                return self._holds_sets(value)
            case ast.BinOp(left=left, op=op, right=right):
                sides = (left, right)
                return isinstance(op, SET_OPERATORS) and any(map(self._is_set_or_view, sides))
            case ast.IfExp(body=body, orelse=other):
                return self.is_set(body) or self.is_set(other)
            case ast.NamedExpr(value=value):
                return self.is_set(value)
        return False

    def _is_set_or_view(self, node: ast.AST) -> bool:
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in VIEW_METHODS:
                return True
        return self.is_set(node)

    def _holds_sets(self, node: ast.AST) -> bool:
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return name in self.holders
        return False

    def _annotated(self, node: ast.AST) -> None:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name)):
                self._note(name, node.annotation)
            case ast.arg(arg=name, annotation=annotation):
                self._note(name, annotation)
            case ast.FunctionDef(name=name, returns=annotation):
                self._note(name, annotation)

    def _note(self, name: str, annotation: ast.AST | None) -> None:
        if annotation is None:
            return
        if isinstance(annotation, ast.BinOp):  # set[int] | None
            self._note(name, annotation.left)
            self._note(name, annotation.right)
            return
        outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
        if _last_name(outer) in SET_TYPES:
            self.sets.add(name)
        elif any(_last_name(node) in SET_TYPES for node in ast.walk(annotation)):
            self.holders.add(name)

    def _assigned(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value) if self.is_set(value):
                self.sets.update(filter(None, map(_last_name, targets)))
            case ast.NamedExpr(target=ast.Name(id=name), value=value) if self.is_set(value):
                self.sets.add(name)
            case ast.AnnAssign(target=target, value=value) if self.is_set(value):
                self.sets.update(filter(None, [_last_name(target)]))


def set_orders(tree: ast.Module, names: SetNames) -> Iterator[tuple[int, str]]:
    """Each place that goes by the order of a set: its line, and what is wrong."""
    orderless: set[ast.AST] = set()
    for node in ast.walk(tree):  # a call comes before its arguments
        match node:
            case ast.Call(func=ast.Name(id=name), args=args) if name in ORDERLESS:
                ties = name in ("max", "min", "sorted") and node.keywords
                if ties and any(map(names.is_set, args)):
                    yield node.lineno, WHAT
                elif not ties:
                    orderless.update(args)
            case ast.SetComp():
                orderless.add(node)
        if _goes_by_order(node, names, node in orderless):
            yield node.lineno, WHAT  # type: ignore[attr-defined]


def _goes_by_order(node: ast.AST, names: SetNames, orderless: bool) -> bool:
    match node:
        case ast.For(iter=iterated) | ast.Starred(value=iterated) | ast.YieldFrom(value=iterated):
            return names.is_set(iterated)
        case ast.GeneratorExp() | ast.ListComp() | ast.DictComp() | ast.SetComp():
            return not orderless and any(names.is_set(part.iter) for part in node.generators)
        case ast.Assign(targets=[ast.Tuple() | ast.List()], value=value):
            return names.is_set(value)
        case ast.Call(func=ast.Name(id=name), args=args) if name in IN_ORDER | IN_ORDER_METHODS:
            return any(map(names.is_set, args))
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=args):
            if name == "pop" and not args:
                return names.is_set(value)
            return name in IN_ORDER_METHODS and any(map(names.is_set, args))
    return False


def _last_name(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Constant(value=str(text)):  # an annotation in quotes
            return text.partition("[")[0].rpartition(".")[2]
    return None
