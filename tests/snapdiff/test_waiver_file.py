"""A waiver in snapdiff.yml: what a person wrote there stays as it is."""

from __future__ import annotations

import pytest

from snapdiff.errors import UnreadableError, UsageError
from snapdiff.policy import site_of
from snapdiff.settings import settle
from snapdiff.waiver_file import add_waiver

WAIVER = {"rule": "ip-forward-off", "reason": 'until the "move" – soon', "until": "2027-01-31"}
LINE = (
    '- {"rule": "ip-forward-off", "reason": "until the \\"move\\" \\u2013 soon", '
    '"until": "2027-01-31"}'
)

FILES = {
    "none yet": (None, f"waivers:\n  {LINE}\n"),
    "an empty one": ("", f"waivers:\n  {LINE}\n"),
    "no waivers": (
        "# ours\nstore: s # here\ncluster: prod\n",
        f"# ours\nstore: s # here\ncluster: prod\nwaivers:\n  {LINE}\n",
    ),
    "no newline at the end": ("store: s", f"store: s\nwaivers:\n  {LINE}\n"),
    "some, with comments": (
        "waivers: # ours\n\n  # the lab\n  - rule: bridge-nf-call\n    reason: lab\nstore: s\n",
        f"waivers: # ours\n  {LINE}\n\n  # the lab\n  - rule: bridge-nf-call\n    reason: lab\n"
        "store: s\n",
    ),
    "not indented": (
        "waivers:\n- rule: bridge-nf-call\n  reason: lab\n",
        f"waivers:\n{LINE}\n- rule: bridge-nf-call\n  reason: lab\n",
    ),
    "indented far": (
        "waivers:\n      - rule: bridge-nf-call\n        reason: lab\n",
        f"waivers:\n      {LINE}\n      - rule: bridge-nf-call\n        reason: lab\n",
    ),
    "an empty list": (
        "waivers: [] # none yet\nstore: s\n",
        f"waivers: # none yet\n  {LINE}\nstore: s\n",
    ),
    "the word elsewhere": (
        "cluster: |\n  waivers:\nstore: s\n",
        f"cluster: |\n  waivers:\nstore: s\nwaivers:\n  {LINE}\n",
    ),
}


@pytest.mark.parametrize(("old", "new"), FILES.values(), ids=FILES)
def test_a_waiver_is_added_and_all_else_stays(tmp_path, old, new):
    path = tmp_path / "snapdiff.yml"
    if old is not None:
        path.write_text(old, "utf-8")
    assert add_waiver(tmp_path, WAIVER) == path
    assert path.read_text("utf-8") == new
    first = site_of(settle({}, {"HOME": str(tmp_path)}, tmp_path)).waivers[0]
    assert (first.rule, first.reason) == (WAIVER["rule"], WAIVER["reason"])
    assert str(first.until) == WAIVER["until"]


def test_two_waivers_come_one_above_the_other(tmp_path):
    add_waiver(tmp_path, WAIVER)
    add_waiver(tmp_path, {"rule": "bridge-nf-call", "reason": "lab", "until": ""})
    lines = (tmp_path / "snapdiff.yml").read_text("utf-8").splitlines()
    assert lines == ["waivers:", '  - {"rule": "bridge-nf-call", "reason": "lab"}', f"  {LINE}"]


def test_the_file_above_the_working_folder_is_the_one(tmp_path):
    (tmp_path / "snapdiff.yml").write_text("store: s\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert add_waiver(tmp_path / "a" / "b", WAIVER) == tmp_path / "snapdiff.yml"


REFUSED = {
    "flow style": "waivers: [{rule: bridge-nf-call, reason: lab}]\n",
    "flow style over lines": "waivers: [\n  {rule: bridge-nf-call, reason: lab},\n]\n",
    "lines of Windows": "waivers:\r\n  - rule: bridge-nf-call\r\n    reason: lab\r\n",
    "a quoted key": '"waivers":\n  - rule: bridge-nf-call\n    reason: lab\n',
    "all in flow style": "{store: s}\n",
    "an end of the document": "store: s\n...\n",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_where_no_line_can_be_added_the_line_is_told_and_the_file_stays(tmp_path, text):
    path = tmp_path / "snapdiff.yml"
    path.write_bytes(text.encode())
    with pytest.raises(UsageError) as error:
        add_waiver(tmp_path, WAIVER)
    assert str(error.value) == (
        f"{path}: its waivers cannot be added to. Add this to them: {LINE.removeprefix('- ')}"
    )
    assert path.read_bytes() == text.encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"waivers:\n", ":1:1: not a valid config: waivers: None is not of type 'array'"),
        (b"store: [\n", ":2:1: "),
        (b"store: \xff\n", ":1:8: not UTF-8"),
    ],
)
def test_a_file_that_is_not_valid_is_refused_with_its_place(tmp_path, data, said):
    (tmp_path / "snapdiff.yml").write_bytes(data)
    with pytest.raises(UnreadableError, match=f"snapdiff.yml{said}"):
        add_waiver(tmp_path, WAIVER)
