"""Hold README and docs to what is there.

``python tests/snapdiff/test_readme.py`` writes docs/commands.md anew.
"""

import ast
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from snapdiff.cli import COMMANDS, snapdiff

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAPERS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAPERS += [ROOT / "tests" / "lab" / "README.md", *DOCS]
WIDTH = 78  # what click takes where standard output is no terminal

LINK = re.compile(r"\[[^]\n]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(snapdiff [^`\n]+)`")
PROMPT = re.compile(r"^[$#] (?:\S*/)?(snapdiff .+)$", re.MULTILINE)
HELP = re.compile(r"^## snapdiff(?: ([a-z ]+))?\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(path):
    return path.read_text("utf-8")


def is_of(path):
    return str(path.relative_to(ROOT))


def names():
    """Return every command, those below a group too."""
    for name in ("", *sorted(COMMANDS)):
        yield name
        command = snapdiff.get_command(click.Context(snapdiff), name)
        if isinstance(command, click.Group):
            yield from (f"{name} {one}" for one in sorted(command.commands))


def help_of(name):
    words = [*name.split(), "--help"]
    found = CliRunner().invoke(snapdiff, words, prog_name="snapdiff", terminal_width=WIDTH)
    assert found.exit_code == 0
    return found.output


def commands_in(text):
    """Return the snapdiff commands that a paper tells people to run."""
    shown = [
        line
        for language, block in FENCE.findall(text)
        if language == "console"
        for line in PROMPT.findall(block)
    ]
    return [*shown, *INLINE.findall(FENCE.sub("", text))]


def options_of(command):
    return {
        word
        for one in command.params
        if isinstance(one, click.Option)
        for word in (*one.opts, *one.secondary_opts)
    } | {"-h", "--help"}


def unknown_in(line):
    """Return the words of a command line that the command does not have."""
    words = shlex.split(line)[1:]
    given = words[: words.index("--")] if "--" in words else words
    if given and given[0].startswith("-"):
        return [word for word in given if word.startswith("-") and word not in options_of(snapdiff)]
    if given[0] not in COMMANDS:
        return given[:1]
    command = snapdiff.get_command(click.Context(snapdiff), given[0])
    if isinstance(command, click.Group) and len(given) > 1:
        if given[1] not in command.commands:
            return given[1:2]
        command = command.commands[given[1]]
    known = options_of(command)
    named = [word.partition("=")[0] for word in given[1:] if re.match(r"--?[a-z]", word)]
    return [word for word in named if word not in known]


@pytest.mark.parametrize("paper", PAPERS, ids=is_of)
def test_every_relative_link_leads_somewhere(paper):
    targets = [one.partition("#")[0] for one in LINK.findall(text_of(paper)) if "://" not in one]
    assert [one for one in targets if one and not (paper.parent / one).exists()] == []


@pytest.mark.parametrize("paper", PAPERS, ids=is_of)
def test_every_command_in_a_paper_is_one_that_there_is(paper):
    wrong = {line: unknown_in(line) for line in commands_in(text_of(paper))}
    assert {line: words for line, words in wrong.items() if words} == {}


def test_the_readme_shows_every_command():
    shown = {shlex.split(line)[1] for line in commands_in(text_of(ROOT / "README.md"))}
    assert set(COMMANDS) - shown == set()


def test_a_command_that_is_not_there_is_found():
    assert unknown_in("snapdiff nonsense") == ["nonsense"]
    assert unknown_in("snapdiff plan nonsense") == ["nonsense"]
    assert unknown_in("snapdiff plan check --nonsense") == ["--nonsense"]
    assert unknown_in("snapdiff diff --nonsense -- --become") == ["--nonsense"]


@pytest.mark.parametrize("paper", PAPERS, ids=is_of)
def test_every_make_target_in_a_paper_is_one_that_there_is(paper):
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    lines = re.findall(r"(?:`|^[$#] )make ([^`#\n]*)", text_of(paper), re.MULTILINE)
    named = {word for line in lines for word in line.split() if re.fullmatch(r"[a-z-]+", word)}
    assert named - targets == set()


def test_the_readme_shows_what_make_drift_holds_its_report_to():
    tree = ast.parse(text_of(ROOT / ".ci" / "told_drift.py"))
    values = [one.value for one in tree.body if isinstance(one, ast.Assign)]
    done = next(ast.literal_eval(one) for one in values if isinstance(one, ast.List))
    blocks = [block for _, block in FENCE.findall(text_of(ROOT / "README.md"))]
    sample = next(block for block in blocks if "# make drift" in block)
    findings = re.split(r"^(?=[-+~!?*] )", sample.partition("\n\nMTU")[0], flags=re.MULTILINE)[1:]
    assert len(findings) == len(done)
    for (path, before, after, nodes, stragglers), shown in zip(done, findings, strict=True):
        first, *rest = shown.splitlines()
        assert f"{path}  {before} → {after} " in first
        assert first.endswith(f"  {', '.join(nodes)}")
        assert f"still {before} on {', '.join(stragglers)}" in "\n".join(rest)


def test_the_list_of_commands_is_what_help_prints():
    found = dict(HELP.findall(text_of(ROOT / "docs" / "commands.md")))
    now = {name: help_of(name) for name in names()}
    assert found == now, "run: .venv/bin/python tests/snapdiff/test_readme.py"


def write_commands():
    path = ROOT / "docs" / "commands.md"
    head = text_of(path).partition("\n## snapdiff")[0]
    parts = [
        f"## snapdiff{name and ' ' + name}\n\n```text\n{help_of(name)}```\n" for name in names()
    ]
    path.write_text("\n".join([head, *parts]), "utf-8")


if __name__ == "__main__":
    write_commands()
