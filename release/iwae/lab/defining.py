"""What a notebook defines, without what it trains, draws or prints: for checks outside of it.

Of every cell those statements are run that only define: imports, functions, classes, and assignments that call nothing but functions
of imported modules (`math.log(2)`, `torch.ones(3)`; not `lab`, which loads and trains) and types (`float("inf")`). Of a cell in which
a student answers, all statements are run but calls that stand alone, such as print(...).
"""

import ast
import builtins
import linecache
import re
from dataclasses import dataclass, field
from types import ModuleType

MAGIC = re.compile(r"^[%!].*", re.MULTILINE)  # Jupyter's own words, which Python does not know
DEFINING = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass
class Definitions:
    """What is defined, and what is not.

    Args:
        space: the names that there are.
        failed: names whose cell stopped with an error, and what is said of it.
        skipped: names that a cell makes which is not run here, and which cell that is.
    """

    space: dict
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def why(self, name: str) -> str:
        """Return why a name is not there."""
        return self.failed.get(name) or f"{self.skipped[name]} makes {name}, and is not run here."

    def add(self, source: str, name: str, answer: bool) -> None:
        """Run the statements of a cell that define something, up to the first error.

        Args:
            source: the cell's code.
            name: the cell's name, empty if it has none.
            answer: whether a student answers in it.
        """
        source = MAGIC.sub("", source)
        first = next((line.strip() for line in source.splitlines() if line.strip() and line[0] != "#"), "")
        place = f"The cell {f'of {name}, ' if answer and name else ''}“{first[:60]}”"
        if error := syntax_error(source):
            names = re.findall(r"^\s*(?:def|class)\s+(\w+)", source, re.MULTILINE)
            self.failed |= dict.fromkeys(names, f"{place} does not run:\n{error}")
            return
        filename = f"<{place}, {len(linecache.cache)}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        body = ast.parse(source).body
        for statement in body:
            if not (self._defines(statement) or (answer and not isinstance(statement, ast.Expr))):
                self.skipped |= dict.fromkeys(_bound(statement) - self.space.keys(), place)
                continue
            try:
                exec(compile(ast.Module([statement], []), filename, "exec"), self.space)
            except (Exception, SystemExit) as error:
                said = f"{type(error).__name__}: {error}\nin line {_line(error, filename)}"
                names = set().union(*map(_bound, body))
                self.failed |= dict.fromkeys(names, f"{place} does not run:\n{said}")
                return

    def _defines(self, statement: ast.stmt) -> bool:
        if isinstance(statement, DEFINING):
            return True
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or loaded(statement) & self.skipped.keys():
            return False
        called = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
        return all(self._harmless(_root(function)) for function in called)

    def _harmless(self, name: str) -> bool:
        if name in self.space:
            return isinstance(self.space[name], ModuleType) and name != "lab"
        return isinstance(getattr(builtins, name, None), type)


def syntax_error(source: str) -> str:
    """Return what is wrong with the syntax of a cell, and in which line; empty where nothing is."""
    try:
        ast.parse(MAGIC.sub("", source))
    except SyntaxError as error:
        return f"{type(error).__name__}: {error.msg}\nin line {error.lineno} of your cell: {(error.text or '').strip()}"
    except ValueError as error:  # a null byte
        return f"SyntaxError: {error}"
    return ""


def loaded(code: str | ast.AST) -> set[str]:
    """Return the names that code uses and does not make itself."""
    nodes = [*ast.walk(ast.parse(code) if isinstance(code, str) else code)]
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return used - _bound(*nodes)


def _bound(*nodes: ast.AST) -> set[str]:
    """Return the names that statements make."""
    names: set[str] = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return names


def _root(function: ast.AST) -> str:
    """Return the name with which a called expression begins: `torch` of torch.ones(3).double."""
    while not isinstance(function, ast.Name):
        inner = getattr(function, "func", None) or getattr(function, "value", None)
        if not isinstance(inner, ast.AST):
            return ""
        function = inner
    return function.id


def _line(error: BaseException, filename: str) -> str:
    """Return the last line of a cell in which an error came, with its number."""
    number, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == filename:
            number = step.tb_lineno
        step = step.tb_next
    return f"{number} of your cell: {linecache.getline(filename, number).strip()}"
