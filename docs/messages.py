"""Read the messages of all errors and warnings off the syntax trees of the package, without running it.

A message is the text that a user sees, in which what differs from case to case is a hole: a name in capitals, made of
the expression that stands there. Nothing is left out: every place that makes an error of ours, a warning, or a mistake of
the command line is a message. Where a function makes the error from a text that its callers give, each call is one. So is
what the scripts of pages say, see `script_messages.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "genolift"
WARNING, USAGE, CONFIG, RECORD, PAGE = "GenoliftWarning", "UsageError", "ConfigError", "record", "page"
FRAME = re.compile(r": REASON\b(?!_)")  # around a reason that is a message of its own
READERS = ("sequence/", "pipeline/common/")  # where files are read record by record
MOST_WAYS = 12  # of the ways in which the parts of one message can be combined


@dataclass(frozen=True)
class Message:
    """One message: where it is made, the class of the error, and the text with named holes."""

    module: str  # such as "sequence/fasta"
    line: int
    kind: str
    text: str

    @property
    def is_frame(self) -> bool:
        """Whether the message says only which record it is about, and repeats a reason that is listed elsewhere."""
        return bool(FRAME.search(self.text))


def kinds(trees: dict[str, ast.Module]) -> set[str]:
    """Return the names of the classes of errors and warnings."""
    found, bases = {"GenoliftError", WARNING}, {}
    for tree in trees.values():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {ast.unparse(base).split(".")[-1] for base in node.bases}
    while more := {name for name, parents in bases.items() if parents & found} - found:
        found |= more
    return found


def messages() -> list[Message]:
    """Return every message of the package, in the order of modules and lines."""
    trees = {
        path.relative_to(PACKAGE).with_suffix("").as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    reader = _Reader(trees, kinds(trees))
    found = [one for module in trees for one in reader.of(module)]
    found += [one for module in trees if module.startswith(READERS) for one in reader.reasons(module)]
    return list(dict.fromkeys(found))


class _Reader:
    """The package's functions and constants by name, and what their texts say."""

    def __init__(self, trees: dict[str, ast.Module], known: set[str]):
        self.trees, self.known = trees, known
        self.functions: dict[str, ast.FunctionDef] = {}
        self.home: dict[ast.AST, str] = {}  # the module of every function
        self.constants: dict[tuple[str, str], ast.expr] = {}
        for module, tree in trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    self.functions.setdefault(node.name, node)
                    self.home[node] = module
            for node in tree.body:
                for target in getattr(node, "targets", []):
                    if isinstance(target, ast.Name):
                        self.constants[module, target.id] = node.value
        self.own = dict(_own_messages(trees, known))
        self.makers = {
            name: node for name, node in self.functions.items() if node.returns and ast.unparse(node.returns) in known
        }

    def of(self, module: str) -> Iterator[Message]:
        """Yield the messages of a module."""
        for scope, call, raised in _calls(self.trees[module]):
            name = ast.unparse(call.func).split(".")[-1]
            kind, texts = None, []
            if name in self.known and not (scope is not None and self.makers.get(scope.name) is scope):
                kind, texts = name, self._error(call, module, scope, {})
            elif self._makes(call, module) and (scope is None or self.makers.get(scope.name) is not scope):
                kind, texts = self._made(call, module, scope)
            elif name == "JSONResponse" and isinstance(call.args[0], ast.Dict):
                answer = dict(zip(map(ast.unparse, call.args[0].keys), call.args[0].values, strict=True))
                told = self._texts(answer["'problem'"], module, scope, {}) if "'problem'" in answer else []
                kind, texts = PAGE, [text for text in told if not text.isupper()]
            elif name == "warn" and len(call.args) > 1 and ast.unparse(call.args[1]) == WARNING:
                kind, texts = WARNING, self._texts(call.args[0], module, scope, {})
            elif name in ("UsageError", "BadParameter") or (name == "fail" and module.startswith("cli")):
                kind, texts = USAGE, self._texts(call.args[0], module, scope, {})
            elif name == "ValueError" and raised and module.startswith("simulate/p"):
                kind, texts = CONFIG, self._texts(call.args[0], module, scope, {})
            for text in texts:
                yield Message(module, call.lineno, str(kind), _tidy(text))

    def reasons(self, module: str) -> Iterator[Message]:
        """Yield why single records of a file cannot be used, which errors, reports and tables then repeat."""
        for node in ast.walk(self.trees[module]):
            if not isinstance(node, ast.FunctionDef):
                continue
            says = node.returns is not None and ast.unparse(node.returns) == "str | None"
            for inner in ast.walk(node):
                value: ast.expr | None = None
                if (says and isinstance(inner, ast.Return)) or (
                    isinstance(inner, ast.Assign) and ast.unparse(inner.targets[0]) == "reason"
                ):
                    value = inner.value
                elif isinstance(inner, ast.Call) and ast.unparse(inner.func) in ("Malformed", "Unusable"):
                    value = inner.args[2]
                if isinstance(value, ast.Constant | ast.JoinedStr | ast.IfExp | ast.BinOp):
                    for text in self._texts(value, module, None, {}):
                        if " " in text:
                            yield Message(module, inner.lineno, RECORD, _tidy(text))

    def _makes(self, call: ast.Call, module: str) -> bool:
        """Whether a call is of a function that makes errors, and not of a method of the same name elsewhere."""
        name = ast.unparse(call.func).split(".")[-1]
        if name not in self.makers:
            return False
        if not isinstance(call.func, ast.Attribute):
            return True
        if ast.unparse(call.func.value) == "self":
            return self.home[self.makers[name]] == module
        return ast.unparse(call.func.value) == "disk"  # the name by which modules call genolift.results.layout

    def _made(self, call: ast.Call, module: str, scope: ast.FunctionDef | None) -> tuple[str, list[str]]:
        """Return the class and the texts of an error that a function of ours makes of what it is given."""
        maker = self.makers[ast.unparse(call.func).split(".")[-1]]
        where = self.home[maker]
        names = [one.arg for one in (*maker.args.args, *maker.args.kwonlyargs) if one.arg != "self"]
        given = dict(zip(names, call.args, strict=False)) | {key.arg: key.value for key in call.keywords if key.arg}
        for one, default in zip(reversed(maker.args.args), reversed(maker.args.defaults), strict=False):
            given.setdefault(one.arg, default)
        filled = {
            name: self._remedy(value, module, scope, {}) if _is_remedy(value) else self._texts(value, module, scope, {})
            for name, value in given.items()
        }
        inner = [
            (made, ast.unparse(made.func).split(".")[-1]) for made in ast.walk(maker) if isinstance(made, ast.Call)
        ]
        for made, name in inner:
            if name in self.known:
                return name, self._error(made, where, maker, filled)
        for made, name in inner:
            if name in self.makers and self.makers[name] is not maker:
                deeper = self._made(made, where, maker)
                return deeper[0], [text for text in deeper[1]]
        return ast.unparse(maker.returns), [" ".join(name.upper() for name in names)]

    def _error(self, call: ast.Call, module: str, scope: ast.FunctionDef | None, filled: dict) -> list[str]:
        """Return the texts of an error that is constructed: its message, and the remedy behind it."""
        if (own := self.own.get(ast.unparse(call.func).split(".")[-1])) is not None and own[1] is not scope:
            where, init, message = own
            names = [one.arg for one in init.args.args[1:]]
            given = {
                key: self._texts(value, module, scope, filled) for key, value in zip(names, call.args, strict=False)
            }
            return self._texts(message, where, init, given)
        texts = self._texts(call.args[0], module, scope, filled) if call.args else [""]
        given = (
            call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "remedy"), None)
        )
        if given is None:
            return texts
        remedies = self._remedy(given, module, scope, filled)
        return [f"{text}; {remedy}" if remedy else text for text in texts for remedy in remedies]

    def _remedy(self, node: ast.expr, module: str, scope: ast.FunctionDef | None, filled: dict) -> list[str]:
        """Return the forms of a remedy as the command line says it."""
        if isinstance(node, ast.Constant):
            return [str(node.value or "")]
        if isinstance(node, ast.IfExp):
            return [one for part in (node.body, node.orelse) for one in self._remedy(part, module, scope, filled)]
        if isinstance(node, ast.Name):
            if node.id in filled:
                return filled[node.id]
            found = self._assigned(node.id, module, scope)
            return [one for value in found for one in self._remedy(value, module, scope, filled)] or [_hole(node)]
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).split(".")[-1]
            if name == "Remedy":
                return self._texts(node.args[-1], module, scope, filled)
            if name == "naming":
                settings = [self._setting(one, module, scope, filled) for one in node.args[1:]]
                return [_filled_in(text, settings) for text in self._texts(node.args[0], module, scope, filled)]
            if name in self.functions and (returned := _returned(self.functions[name])):
                where = self.home[self.functions[name]]
                return [one for value in returned for one in self._remedy(value, where, self.functions[name], {})]
        return [_hole(node)]

    def _setting(self, node: ast.expr, module: str, scope: ast.FunctionDef | None, filled: dict) -> str:
        text = ast.unparse(node)
        if text == "FORCE":
            return "--force"
        if isinstance(node, ast.Call):
            parts = [self._texts(one, module, scope, filled)[0] for one in node.args]
            name = ast.unparse(node.func).split(".")[-1]
            if name == "setting":
                return " ".join(["--" + parts[0].replace("_", "-"), *parts[1:]])
            if name == "method_option":
                return f"--option {'='.join(parts)}"
            if name == "Setting":
                return parts[-1]
        if isinstance(node, ast.Name) and (found := self._assigned(node.id, module, scope)):
            return self._setting(found[0], module, scope, filled)
        return _hole(node)

    def _texts(self, node: ast.expr, module: str, scope: ast.FunctionDef | None, filled: dict) -> list[str]:
        """Return what an expression can say, with holes where that depends on the case."""
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        if isinstance(node, ast.JoinedStr):
            found = [""]
            for part in node.values:
                if isinstance(part, ast.Constant):
                    more = [str(part.value)]
                else:
                    more = self._texts(part.value, module, scope, filled)
                    if part.conversion == ord("r"):
                        more = [f"'{one.strip(chr(39))}'" for one in more]
                found = [a + b for a in found for b in more][:MOST_WAYS]
            return found
        if isinstance(node, ast.IfExp):
            return list(
                dict.fromkeys(
                    one for part in (node.body, node.orelse) for one in self._texts(part, module, scope, filled)
                )
            )
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = (self._texts(one, module, scope, filled) for one in (node.left, node.right))
            return [a + b for a in left for b in right][:MOST_WAYS]
        if isinstance(node, ast.Name):
            if node.id in filled:
                return filled[node.id]
            found = [
                one
                for value in self._assigned(node.id, module, scope)
                if isinstance(value, ast.Constant | ast.JoinedStr | ast.IfExp | ast.Call)
                and (not isinstance(value, ast.Call) or ast.unparse(value.func).endswith(".get"))
                and getattr(value, "value", "") is not None
                for one in self._texts(value, module, None, {})
            ]
            return found or [_hole(node)]
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).split(".")[-1]
            maker = self.functions.get(name)
            says = maker is not None and maker.returns is not None and ast.unparse(maker.returns) == "str"
            if says and scope is not maker and (returned := _returned(maker)) and not name.startswith("__"):
                where = self.home[maker]
                spoken = [value for value in returned if isinstance(value, ast.Constant | ast.JoinedStr | ast.BinOp)]
                if len(spoken) == len(returned):
                    return [one for value in returned for one in self._texts(value, where, maker, {})]
            if name == "get" and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Dict):
                spoken = [one for value in node.func.value.values for one in self._texts(value, module, scope, filled)]
                return [one for one in spoken if one]
            if name == "format" and isinstance(node.func, ast.Attribute):
                return [
                    _filled_in(text, [self._texts(one, module, scope, filled)[0] for one in node.args])
                    for text in self._texts(node.func.value, module, scope, filled)
                ]
        return [_hole(node)]

    def _assigned(self, name: str, module: str, scope: ast.FunctionDef | None) -> list[ast.expr]:
        """Return the expressions that a name is assigned, in its function or else in its module."""
        local = [
            node.value
            for node in (ast.walk(scope) if scope is not None else ())
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
        ]
        looped = [n for n in ast.walk(scope) if isinstance(n, ast.For)] if scope is not None else []
        if any(isinstance(one.target, ast.Name) and one.target.id == name for one in looped):
            appended = [
                node.args[0]
                for node in ast.walk(self.trees[module])
                if isinstance(node, ast.Call) and ast.unparse(node.func) == f"{name}s.append"
            ]
            if appended:
                return appended
        if local:
            return local
        if (module, name) in self.constants:
            return [self.constants[module, name]]
        everywhere = [value for (_, known), value in self.constants.items() if known == name and name.isupper()]
        return everywhere[:1]


def _own_messages(
    trees: dict[str, ast.Module], known: set[str]
) -> Iterator[tuple[str, tuple[str, ast.FunctionDef, ast.JoinedStr]]]:
    """Yield the classes of errors that make their message themselves: module, constructor, and the message."""
    for module, tree in trees.items():
        for one in tree.body:
            if not isinstance(one, ast.ClassDef) or one.name not in known:
                continue
            for init in one.body:
                for call in ast.walk(init) if isinstance(init, ast.FunctionDef) and init.name == "__init__" else ():
                    if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__" and call.args:
                        message = call.args[0]
                        if isinstance(init, ast.FunctionDef) and isinstance(message, ast.JoinedStr):
                            yield one.name, (module, init, message)


def _calls(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | None, ast.Call, bool]]:
    """Yield every call with the innermost function around it, and whether it is what a statement raises."""

    def within(node: ast.AST, scope: ast.FunctionDef | None) -> Iterator[tuple[ast.FunctionDef | None, ast.Call, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                yield scope, child, isinstance(node, ast.Raise)
            yield from within(child, child if isinstance(child, ast.FunctionDef) else scope)

    yield from within(tree, None)


def _returned(function: ast.FunctionDef) -> list[ast.expr]:
    return [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]


def _is_remedy(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and "Remedy" in ast.unparse(node.func)


def _filled_in(text: str, parts: list[str]) -> str:
    for part in parts:
        text = text.replace("{}", part, 1)
    return text.replace("{}", "OPTION")


def _hole(node: ast.AST) -> str:
    """Return a name in capitals for what an expression stands for."""
    if isinstance(node, ast.Call):
        function = ast.unparse(node.func)
        if function == "len" and node.args:
            return "NUMBER"
        if function.endswith(".join") and node.args:
            return _hole(node.args[0])
        if function in ("str", "repr", "sorted", "int", "float", "max", "min", "map", "list", "sum", "tuple", "abs"):
            return _hole(node.args[-1]) if node.args else "VALUE"
        return _hole(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_").upper()
    if isinstance(node, ast.Name):
        return node.id.strip("_").upper()
    if isinstance(node, ast.Subscript):
        return _hole(node.value)
    if isinstance(node, ast.BinOp):
        return _hole(node.left) if not isinstance(node.left, ast.Constant) else _hole(node.right)
    if isinstance(node, ast.BoolOp):
        return _hole(node.values[0])
    if isinstance(node, ast.UnaryOp | ast.Starred):
        return _hole(node.operand if isinstance(node, ast.UnaryOp) else node.value)
    if isinstance(node, ast.GeneratorExp | ast.ListComp):
        return _hole(node.elt)
    if isinstance(node, ast.JoinedStr):
        inner = [part for part in node.values if isinstance(part, ast.FormattedValue)]
        return _hole(inner[0].value) if inner else "VALUE"
    return "VALUE"


def _tidy(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
