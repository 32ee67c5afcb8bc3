"""Ask the peers: run by score.py in an environment of its own, with the peers and nothing of ours.

Reads {"scenario": {"before": facts by node, "after": …}} and writes what each tool says of each
scenario, as places: the node, and the keys that lead to what it names. An index is looked up in the
list that it belongs to, as a patient reader would, so a tool is not blamed for naming none.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import signal
import sys
import time
import typing as t

Place = tuple[str, ...]
Facts = dict[str, t.Any]
NAMES = ("name", "address", "key", "file")
PATIENCE = 20  # seconds for one scenario


def rows(value: t.Any, key: str = "name") -> t.Any:
    """Turn maps whose values are maps into lists of rows, as ip and the cloud tools print them."""
    if not isinstance(value, dict):
        return value
    return {
        one: [{key: name, **_inner(row)} for name, row in table.items()]
        if one in ("links", "routes", "peers", "rules", "fdb", "neighbours", "cni_config")
        else table
        for one, table in value.items()
    }


def _inner(row: Facts) -> Facts:
    if "addresses" not in row:
        return row
    return {**row, "addresses": [{"address": key, **one} for key, one in row["addresses"].items()]}


def resolved(path: t.Iterable[t.Any], *sides: t.Any) -> Place:
    """Return a place with the name of the row in the stead of each index."""
    found: list[str] = []
    at = list(sides)
    for part in path:
        nexts = []
        name = str(part)
        for side in at:
            try:
                value = side[part]
            except (KeyError, IndexError, TypeError):
                continue
            nexts.append(value)
            if isinstance(side, list) and isinstance(value, dict) and name == str(part):
                name = next((str(value[one]) for one in NAMES if one in value), name)
        found.append(name)
        at = nexts
    return tuple(found)


def deepdiff(before: t.Any, after: t.Any, **options: t.Any) -> t.Iterator[Place]:
    """Yield what DeepDiff names, category by category as it prints them."""
    from deepdiff import DeepDiff

    for levels in DeepDiff(before, after, view="tree", **options).values():
        for level in levels:
            old = level.path(output_format="list")
            yield resolved(old, before, after)


def deepdiff_any_order(before: t.Any, after: t.Any) -> t.Iterator[Place]:
    """Do the same with ``ignore_order``."""
    return deepdiff(before, after, ignore_order=True, report_repetition=True)


def jdiff(before: t.Any, after: t.Any) -> t.Iterator[Place]:
    """Yield what jdiff's exact_match names."""
    from jdiff import CheckType

    found, _same = CheckType.create("exact_match").evaluate(before, after)
    for path in _leaves(found, ("new_value", "old_value")):
        parts = [int(one.strip("[]")) if one.strip("[]").isdigit() else one for one in path]
        yield resolved(parts, before, after)


def _leaves(value: t.Any, ends: tuple[str, ...], path: Place = ()) -> t.Iterator[Place]:
    if not isinstance(value, dict) or any(one in value for one in ends):
        yield path
        return
    for key, one in value.items():
        if key in ("new", "missing") and not isinstance(one, dict):
            yield path
        else:
            yield from _leaves(one, ends, (*path, str(key)))


def dictdiffer(before: t.Any, after: t.Any) -> t.Iterator[Place]:
    """Yield what dictdiffer names; several keys of one place are several changes."""
    import dictdiffer as tool

    for word, path, change in tool.diff(before, after, dot_notation=False):
        start = list(path) if isinstance(path, list) else [path] if path != "" else []
        keys = [[]] if word == "change" else [[key] for key, _value in change]
        for key in keys:
            yield resolved([*start, *key], before, after)


def jsondiff(before: t.Any, after: t.Any) -> t.Iterator[Place]:
    """Yield what jsondiff names, walking its symmetric answer."""
    import jsondiff as tool

    found = tool.diff(before, after, syntax="explicit")
    for path in _of_jsondiff(found, tool):
        yield resolved(path, before, after)


def _of_jsondiff(found: t.Any, tool: t.Any, path: tuple[t.Any, ...] = ()) -> t.Iterator[t.Any]:
    if not isinstance(found, dict) or not found:
        if path:
            yield path
        return
    for key, value in found.items():
        if key in (tool.insert, tool.delete):
            pairs = value if isinstance(value, (list, dict)) else []
            for one in pairs:
                yield (*path, one[0] if isinstance(one, (list, tuple)) else one)
        elif key is tool.update or key is tool.replace:
            yield from _of_jsondiff(value, tool, path)
        else:
            words = (tool.insert, tool.delete, tool.update, tool.replace)
            deeper = isinstance(value, dict) and any(
                one in words or isinstance(one, int) for one in value
            )
            yield from _of_jsondiff(value, tool, (*path, key)) if deeper else iter([(*path, key)])


def fact_diff(before: t.Any, after: t.Any) -> t.Iterator[Place]:
    """Yield the changed lines of ansible.utils.fact_diff; a hunk's own lines tell where it is."""
    from ansible_collections.ansible.utils.plugins.sub_plugins.fact_diff.native import FactDiff

    args = {"before": before, "after": after, "plugin": {"vars": {}}}
    text = FactDiff(args, {}, False).diff()["diff"]
    hunk: list[str] = []
    changed: list[str] = []
    for line in [*text.splitlines(), "@@"]:
        if line.startswith("@@"):
            for one in changed:
                yield ("text", one, *hunk)
            hunk, changed = [], []
        elif not line.startswith(("---", "+++")):
            hunk.append(line.strip("+- "))
            if line.startswith(("+", "-")):
                changed.append(line[1:].strip())


def graphtage(before: t.Any, after: t.Any) -> t.Iterator[Place]:
    """Yield graphtage's edits, each at the node of its tree that it starts from."""
    from graphtage import json as tool

    for edit in tool.build_tree(before).get_all_edits(tool.build_tree(after)):
        path: list[str] = []
        node = edit.from_node
        while node is not None:
            key = getattr(node, "key", None)
            if key is not None:
                path.append(str(getattr(key, "object", key)))
            elif node.parent is not None and type(node.parent).__name__ == "ListNode":
                index = next(i for i, child in enumerate(node.parent.children()) if child is node)
                path.append(f"#{index}")
            node = node.parent
        parts = [int(part[1:]) if part.startswith("#") else part for part in reversed(path)]
        yield resolved(parts, before, after)


def napalm(before: t.Any, after: t.Any) -> t.Iterator[Place]:
    """Yield what napalm's validate finds where the earlier facts are what is wanted."""
    from napalm.base.validate import compare

    yield from _of_napalm(compare(_wanted(before), after), ())


def _wanted(value: t.Any) -> t.Any:
    """Write facts as a validation file does, with nothing more allowed."""
    if isinstance(value, dict):
        return {**{key: _wanted(one) for key, one in value.items()}, "_mode": "strict"}
    if isinstance(value, list):
        return {"list": [_wanted(one) for one in value], "_mode": "strict"}
    return value


def _of_napalm(found: t.Any, path: Place) -> t.Iterator[Place]:
    if found is True or (isinstance(found, dict) and found.get("complies")):
        return
    if not isinstance(found, dict) or "present" not in found:
        yield path
        return
    for key in (*found.get("missing", ()), *found.get("extra", ())):
        yield (*path, str(key))
    present = found["present"]
    for key, one in present.items() if isinstance(present, dict) else ():
        if not one.get("complies"):
            inner = one.get("diff") if one.get("nested") else None
            yield from _of_napalm(inner, (*path, str(key)))


# name, distribution, function, how the facts are fed
TOOLS: tuple[tuple[str, str, t.Any, str], ...] = (
    ("deepdiff, rows", "deepdiff", deepdiff, "rows"),
    ("deepdiff ignore_order, rows", "deepdiff", deepdiff_any_order, "rows"),
    ("deepdiff, maps", "deepdiff", deepdiff, "maps"),
    ("jdiff, rows", "jdiff", jdiff, "rows"),
    ("jdiff, maps", "jdiff", jdiff, "maps"),
    ("fact_diff, rows", "ansible", fact_diff, "rows"),
    ("fact_diff, maps", "ansible", fact_diff, "maps"),
    ("dictdiffer, rows", "dictdiffer", dictdiffer, "rows"),
    ("dictdiffer, maps", "dictdiffer", dictdiffer, "maps"),
    ("jsondiff, rows", "jsondiff", jsondiff, "rows"),
    ("jsondiff, maps", "jsondiff", jsondiff, "maps"),
    ("napalm validate, maps", "napalm", napalm, "maps"),
    ("graphtage, rows", "graphtage", graphtage, "rows"),
    ("graphtage, maps", "graphtage", graphtage, "maps"),
)


def ask(tool: t.Any, feed: str, before: Facts, after: Facts) -> list[list[str]]:
    """Return what a tool says of a scenario, node by node."""
    found = [["nodes", name] for name in sorted(before.keys() ^ after.keys())]
    for name in sorted(before.keys() & after.keys()):
        one, two = before[name], after[name]
        if one == two and list(one["links"]) == list(two["links"]):
            continue  # equal, in the same order: no tool says anything
        pair = (rows(one), rows(two)) if feed == "rows" else (one, two)
        found.extend([name, *place] for place in tool(*pair))
    return found


def _late(_signal: int, _frame: t.Any) -> t.NoReturn:
    raise TimeoutError


def main() -> None:
    """Write what all tools that are there say of all scenarios."""
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 - nothing but the standard library
        scenarios = json.load(file)
    signal.signal(signal.SIGALRM, _late)
    answers = {}
    for name, distribution, tool, feed in TOOLS:
        try:
            version = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            answers[name] = {"version": None, "why": f"{distribution} is not installed"}
            continue
        started, runs, late, why = time.monotonic(), {}, 0, ""
        for scenario, sides in scenarios.items():
            signal.alarm(PATIENCE if late < 3 else 1)
            try:
                runs[scenario] = ask(tool, feed, sides["before"], sides["after"])
            except TimeoutError:
                runs[scenario] = None
                late += 1
            except Exception as error:
                runs[scenario] = None
                why = f"{type(error).__name__}: {error}"[:200]
            finally:
                signal.alarm(0)
        answers[name] = {
            "version": version,
            "seconds": round(time.monotonic() - started, 1),
            "late": late,
            "why": why,
            "runs": runs,
        }
    with open(sys.argv[2], "w", encoding="utf-8") as file:  # noqa: PTH123 - as above
        json.dump(answers, file)


if __name__ == "__main__":
    main()
