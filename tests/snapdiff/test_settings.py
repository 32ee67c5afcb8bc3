"""Where a setting comes from, and which of its sources wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from snapdiff.errors import InvalidError, UnreadableError, UsageError
from snapdiff.model import Severity
from snapdiff.settings import BUILT_IN, settle

SOURCES = ("built in", "user", "project", "environment", "option")


@pytest.fixture
def place(tmp_path):
    """Return a folder to start in, inside a project, and the environment of a user."""
    work = tmp_path / "project" / "a" / "b"
    work.mkdir(parents=True)
    (tmp_path / "home" / ".config" / "snapdiff").mkdir(parents=True)
    return work, {"HOME": str(tmp_path / "home")}


def user_file(place):
    return Path(place[1]["HOME"]) / ".config" / "snapdiff" / "config.yml"


def project_file(place):
    return place[0].parent.parent / "snapdiff.yml"


def test_without_any_source_the_built_in_values_hold(place):
    found = settle({}, place[1], place[0])
    assert found.values == BUILT_IN
    assert set(found.origins.values()) == {"built in"}
    assert (found.store, found.cluster, found.fail_on, found.min_coverage) == (
        Path("snapshots"),
        "default",
        Severity.WARNING,
        100.0,
    )


@pytest.mark.parametrize("top", range(len(SOURCES)), ids=SOURCES)
def test_an_option_wins_over_the_environment_over_the_project_over_the_user(place, top):
    folder, environment = place
    options = {"cluster": None}
    if top >= 1:
        user_file(place).write_text("cluster: user\n")
    if top >= 2:
        project_file(place).write_text("cluster: project\n")
    if top >= 3:
        environment["SNAPDIFF_CLUSTER"] = "environment"
    if top >= 4:
        options["cluster"] = "option"
    found = settle(options, environment, folder)
    origins = (
        "built in",
        str(user_file(place)),
        str(project_file(place)),
        "SNAPDIFF_CLUSTER",
        "option",
    )
    assert (found.cluster, found.origins["cluster"]) == (
        "default" if top == 0 else SOURCES[top],
        origins[top],
    )
    assert found.origins["fail_on"] == "built in"


def test_each_setting_has_its_own_source(place):
    folder, environment = place
    user_file(place).write_text("fail_on: error\ncluster: user\n")
    project_file(place).write_text("cluster: project\nmin_coverage: 90\n")
    found = settle({"fail_on": "info"}, environment, folder)
    assert (found.cluster, found.fail_on, found.min_coverage) == ("project", Severity.INFO, 90.0)


def test_the_nearest_project_file_upward_holds_alone(place):
    folder, environment = place
    project_file(place).write_text("cluster: far\nfail_on: error\n")
    (folder.parent / "snapdiff.yml").write_text("cluster: near\n")
    found = settle({}, environment, folder)
    assert (found.cluster, found.fail_on) == ("near", Severity.WARNING)


def test_the_folder_of_the_user_may_be_named(place, tmp_path):
    folder, environment = place
    user_file(place).write_text("cluster: home\n")
    (tmp_path / "xdg" / "snapdiff").mkdir(parents=True)
    (tmp_path / "xdg" / "snapdiff" / "config.yml").write_text("cluster: xdg\n")
    environment["XDG_CONFIG_HOME"] = str(tmp_path / "xdg")
    assert settle({}, environment, folder).cluster == "xdg"


def test_without_a_home_there_is_no_file_of_the_user(place):
    assert settle({}, {}, place[0]).cluster == "default"


@pytest.mark.parametrize("name", ["store", "inventory"])
def test_a_relative_folder_is_from_the_file_that_names_it(place, name):
    folder, environment = place
    project_file(place).write_text(f"{name}: data/x\n")
    found = settle({}, environment, folder)
    assert found.values[name] == str(project_file(place).parent / "data" / "x")


@pytest.mark.parametrize("name", ["store", "inventory"])
def test_an_absolute_folder_stays(place, name):
    project_file(place).write_text(f"{name}: /srv/x\n")
    assert settle({}, place[1], place[0]).values[name] == "/srv/x"


def test_a_folder_of_an_option_or_the_environment_is_from_the_working_folder(place):
    folder, environment = place
    assert settle({"store": "x"}, environment, folder).store == Path("x")
    environment["SNAPDIFF_STORE"] = "y"
    assert settle({}, environment, folder).store == Path("y")


@pytest.mark.parametrize("text", ["", "\n", "  \n\n"], ids=["empty", "line", "blank"])
def test_an_empty_file_sets_nothing(place, text):
    project_file(place).write_text(text)
    assert settle({}, place[1], place[0]).values == BUILT_IN


def test_an_empty_variable_is_none(place):
    place[1]["SNAPDIFF_CLUSTER"] = ""
    assert settle({}, place[1], place[0]).origins["cluster"] == "built in"


@pytest.mark.parametrize(
    ("text", "spot", "why"),
    [
        ("clusters: x\n", "1:1", "there is no 'clusters'. Did you mean cluster?"),
        ("# c\nstore: x\nfail-on: x\n", "3:1", "there is no 'fail-on'. Did you mean fail_on?"),
        ("cluster: 1\n", "1:1", "cluster: 1 is not of type 'string'"),
        ("cluster: ''\n", "1:1", "cluster: ''"),
        ("store:\n", "1:1", "store: None is not of type 'string'"),
        ("# c\nfail_on: fatal\n", "2:1", "fail_on: 'fatal' is not one of"),
        ("min_coverage: 101\n", "1:1", "min_coverage: 101 is greater than the maximum of 100"),
        ("min_coverage: -1\n", "1:1", "min_coverage: -1 is less than the minimum of 0"),
        ("min_coverage: 90%\n", "1:1", "min_coverage: '90%' is not of type 'number'"),
        ("- a\n", "1:1", "is not of type 'object'"),
        ("x\n", "1:1", "is not of type 'object'"),
    ],
    ids=["unknown", "misspelt", "number", "empty", "null", "word", "over", "under", "percent",
         "list", "text"],
)  # fmt: skip
def test_what_a_file_may_not_say_is_refused_with_its_place(place, text, spot, why):
    project_file(place).write_text(text)
    with pytest.raises(InvalidError) as caught:
        settle({}, place[1], place[0])
    file, line, column, message = str(caught.value).split(":", 3)
    assert file == str(project_file(place))
    assert f"{line}:{column}" == spot  # of the key, or of the mapping that lacks it
    assert message.startswith(" not a valid config: ")
    assert why in message


@pytest.mark.parametrize(
    "text",
    ["cluster: a\ncluster: b\n", "cluster: &a b\n", "cluster: !!str x\n", "cluster: [\n", "# c\n"],
    ids=["twice", "anchor", "tag", "open", "comment-only"],
)
def test_a_trick_in_a_file_is_refused_with_its_place(place, text):
    project_file(place).write_text(text)
    with pytest.raises(UnreadableError, match=r"snapdiff\.yml:[0-9]+:[0-9]+: "):
        settle({}, place[1], place[0])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("fail_on", "eror", r"fail_on is 'eror' .*takes info, warning, error. Did you mean error"),
        ("fail_on", "ERROR", r"fail_on is 'ERROR'"),
        ("fail_on", "zzz", r"fail_on is 'zzz' .*error\.$"),
        ("min_coverage", "101", "min_coverage .*takes a percentage, 0 to 100"),
        ("min_coverage", "-1", "takes a percentage"),
        ("min_coverage", "nan", "takes a percentage"),
        ("min_coverage", "inf", "takes a percentage"),
        ("min_coverage", "most", "takes a percentage"),
    ],
)
@pytest.mark.parametrize("source", ["option", "environment"])
def test_a_value_that_means_nothing_is_refused_with_its_source(place, name, value, message, source):
    folder, environment = place
    options = {name: value} if source == "option" else {}
    if source == "environment":
        environment[f"SNAPDIFF_{name.upper()}"] = value
    with pytest.raises(UsageError, match=message) as caught:
        settle(options, environment, folder)
    assert ("option" if source == "option" else f"SNAPDIFF_{name.upper()}") in str(caught.value)


@pytest.mark.parametrize(("value", "expected"), [("0", 0.0), ("100", 100.0), ("99.5", 99.5)])
def test_a_coverage_of_the_environment_is_a_number(place, value, expected):
    place[1]["SNAPDIFF_MIN_COVERAGE"] = value
    assert settle({}, place[1], place[0]).min_coverage == expected
