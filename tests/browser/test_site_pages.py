"""The pages over a store as a browser shows them, from a folder and without a server."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from builders import NOW, capture, edited
from clusters import cluster, snapshots
from snapdiff.compare import check_capture
from snapdiff.ledger import night_of, write_night
from snapdiff.policy import Site
from snapdiff.site import Way, build
from snapdiff.store import Store, read_manifest
from snapdiff.verdict import Policy

pytestmark = pytest.mark.browser
NAME = "Prod EU/<b>%41"  # a name that an address has to escape
WIDE = {"links/flannel.1/mtu": 1500}


@pytest.fixture
def web(tmp_path):
    """Build pages over two clusters, one of which has had nights; return their folder."""
    store = Store(tmp_path / "store")
    healthy = list(snapshots(cluster(3)).values())
    spoilt = [edited(healthy[0], WIDE), *healthy[1:]]
    for day, given in enumerate([healthy, spoilt, spoilt]):
        now = NOW + timedelta(days=day)
        capture(store.folder, given, cluster=NAME, now=now, label=f"day{day}")
    capture(store.folder, healthy, cluster="lab", now=NOW)
    for path in store.captures(NAME):
        report = check_capture(str(path), store=store, cluster=NAME, policy=Policy(), now=NOW)
        write_night(store.cluster_folder(NAME), night_of(read_manifest(path), report, now=NOW))
    way = Way(policy=Policy(), site=Site(), now=NOW + timedelta(days=3))
    build(tmp_path / "web", store.clusters(), store=store, way=way)
    return tmp_path / "web"


def wrong(page):
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found]


def test_a_person_gets_from_the_clusters_to_a_report_and_back_by_keyboard(web, opened):
    with opened(web / "index.html") as one:
        page = one.page
        one.shot("site-clusters", full_page=True)
        assert wrong(page) == []
        page.get_by_role("link", name=NAME).focus()
        page.keyboard.press("Enter")
        expect(page).to_have_title(f"{NAME} – snapdiff")
        one.shot("site-cluster", full_page=True)
        assert wrong(page) == []
        page.get_by_role("link", name="What is wrong, where").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("on node1")
        page.get_by_role("link", name="What changed").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("No drift")
        page.get_by_role("link", name="All captures").click()
        expect(page).to_have_title(f"{NAME} – snapdiff")
        assert [
            text for text in one.tried if not text.startswith(f"request: {web.as_uri()}/")
        ] == []


def test_captures_are_filtered_and_sorted_by_keyboard(web, opened):
    (path,) = (one for one in web.glob("%50*/index.html"))
    with opened(path) as one:
        rows = one.page.locator("tr[data-item=capture]")
        expect(one.page.locator("[data-told]")).to_have_text("3 of 3 shown")
        one.page.locator("#filter-text").focus()
        one.page.keyboard.type("DAY1")
        expect(one.page.locator("[data-told]")).to_have_text("1 of 3 shown")
        assert rows.filter(visible=True).count() == 1
        one.page.keyboard.press("Control+A")
        one.page.keyboard.press("Delete")
        expect(one.page.locator("[data-told]")).to_have_text("3 of 3 shown")
        one.page.get_by_role("button", name="Label").focus()
        one.page.keyboard.press("Enter")
        assert rows.locator("td:nth-child(2)").all_text_contents() == ["day0", "day1", "day2"]
        assert one.tried == []
