"""Random small trees: walked, searched, copied and removed as Python does."""

from __future__ import annotations

import glob
import os
import shutil
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import usernel

from .conftest import Run
from .trees import outcome, outcome_of, snapshot

NAMES = st.sampled_from(["a", "b", "c.txt", ".d", "\u00e9", "e f", "[g]"])
LEAVES = st.one_of(st.binary(max_size=9), NAMES, st.sampled_from(["..", ".", "../a", "nowhere"]))
TREES = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=10).filter(
    lambda tree: isinstance(tree, dict)
)
PATTERNS = st.lists(
    st.sampled_from(["*", "**", "?", "a", "[ab]", ".*", "*.txt", "..", "[[]g]"]), min_size=1, max_size=3
)
random_trees = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


def make(path: str, tree: dict[str, Any]) -> None:
    """Bytes are a file, a string a symbolic link, a dictionary a directory."""
    os.mkdir(path)
    for name, what in tree.items():
        inner = f"{path}/{name}"
        if isinstance(what, dict):
            make(inner, what)
        elif isinstance(what, str):
            os.symlink(what, inner)
        else:
            Path(inner).write_bytes(what)


def without_links(tree: dict[str, Any]) -> dict[str, Any]:
    """The same with links to nowhere alone: whoever follows links that are in a loop goes round for ever."""
    return {
        name: without_links(what) if isinstance(what, dict) else "nowhere" if isinstance(what, str) else what
        for name, what in tree.items()
    }


def twice(root: Path, tree: dict[str, Any]) -> tuple[str, str]:
    """The tree, for Python and for us."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    theirs, ours = str(root / "1"), str(root / "2")
    make(theirs, tree)
    make(ours, tree)
    return theirs, ours


@random_trees
@given(TREES, st.booleans(), st.sets(NAMES, max_size=2))
def test_walk(run: Run, tmp_path: Path, tree: dict[str, Any], topdown: bool, pruned: set[str]) -> None:
    root = twice(tmp_path / "trees", tree)[0]
    visited: list[Any] = []
    for path, dirs, files in os.walk(root, topdown):
        visited.append((path, [*dirs], [*files]))
        dirs[:] = [name for name in dirs if name not in pruned]

    async def walked() -> list[Any]:
        found: list[Any] = []
        async for path, dirs, files in usernel.os.walk(root, topdown):
            found.append((path, [*dirs], [*files]))
            dirs[:] = [name for name in dirs if name not in pruned]
        return found

    assert run(walked()) == visited


@random_trees
@given(TREES, PATTERNS, st.booleans(), st.booleans())
def test_glob(
    run: Run, tmp_path: Path, tree: dict[str, Any], pattern: list[str], recursive: bool, include_hidden: bool
) -> None:
    root = twice(tmp_path / "trees", without_links(tree) if recursive else tree)[0]
    options: dict[str, Any] = {"root_dir": root, "recursive": recursive, "include_hidden": include_hidden}
    for ours, theirs in ((usernel.os.glob, glob.glob), (usernel.os.iglob, glob.iglob)):
        assert run(outcome_of(ours, "/".join(pattern), **options)) == outcome(theirs, "/".join(pattern), **options)


@random_trees
@given(TREES, st.booleans(), st.booleans(), st.sets(NAMES, max_size=1))
def test_copytree_and_move(
    run: Run, tmp_path: Path, tree: dict[str, Any], symlinks: bool, dangling: bool, ignored: set[str]
) -> None:
    ended: list[Any] = []
    for copy in (shutil.copytree, usernel.os.copytree):
        root = twice(tmp_path / "trees", tree if symlinks else without_links(tree))[0]
        args: dict[str, Any] = {
            "symlinks": symlinks, "ignore_dangling_symlinks": dangling, "ignore": shutil.ignore_patterns(*ignored),
        }  # fmt: skip
        if copy is shutil.copytree:
            ended.append(outcome(copy, root, f"{root}-new", **args))
            ended.append(outcome(shutil.move, root, f"{root}-moved"))
        else:
            ended.append(run(outcome_of(copy, root, f"{root}-new", **args)))
            ended.append(run(outcome_of(usernel.os.move, root, f"{root}-moved")))
        ended.append({name: entry[:5] for name, entry in snapshot(str(tmp_path / "trees")).items()})
    assert ended[3:] == ended[:3]


@random_trees
@given(TREES)
def test_rmtree(run: Run, tmp_path: Path, tree: dict[str, Any]) -> None:
    root, other = twice(tmp_path / "trees", tree)
    before = snapshot(other)
    run(usernel.os.rmtree(root))
    assert not os.path.lexists(root)
    assert snapshot(other) == before
