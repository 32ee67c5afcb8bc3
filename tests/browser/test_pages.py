"""Reports as a browser shows them: by keyboard, without scripts, in the dark, on paper."""

from __future__ import annotations

import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import PAGES, checked, finding, finished, fleet, spoilt, spoilt_reports, upgrade
from playwright.sync_api import expect
from test_report import HOSTILE

from clusters import cluster
from snapdiff.report import Terminal, as_html
from snapdiff.safe import visible

pytestmark = pytest.mark.browser
CONTRAST = {"runOnly": ["color-contrast"]}
ROWS = "tr[data-item=finding]"


@pytest.fixture
def written(tmp_path):
    """Write a report's page; return its path."""

    def call(report):
        path = tmp_path / "report.html"
        path.write_text(as_html.render(report, Terminal()), "utf-8")
        return path

    return call


def wrong(page, options=None):
    """Return what axe-core has against a page: the rule, and where."""
    found = Axe().run(page, options=options).response["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found]


def tab_to(page, what):
    """Press Tab until the focus is on *what*, as a person without a mouse does."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("what => document.activeElement.matches(what)", what):
            return
    raise AssertionError(f"no key leads to {what}")


def shown(page, what):
    return page.locator(what).filter(visible=True).count()


SMALL = {**PAGES, "fleet": lambda _folder: fleet(12, 4)}  # axe looks at each element for long


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_and_everybody_can_read_it(name, tmp_path, written, opened):
    with opened(written(SMALL[name](tmp_path))) as one:
        one.shot(f"{name}-light", full_page=True)
        assert wrong(one.page) == []
        one.page.emulate_media(color_scheme="dark")
        one.shot(f"{name}-dark", full_page=True)
        assert wrong(one.page, CONTRAST) == []
        one.page.set_viewport_size({"width": 400, "height": 800})
        one.shot(f"{name}-narrow")
        assert one.page.evaluate("document.documentElement.scrollWidth") <= 400
        assert one.tried == []


@pytest.mark.parametrize("name", ["underlay-mtu", "nights", "upgrade"])
def test_on_paper_all_is_open_and_nothing_waits_for_a_mouse(name, tmp_path, written, opened):
    with opened(written(PAGES[name](tmp_path)), color_scheme="dark") as one:
        one.page.emulate_media(media="print")
        one.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert one.page.locator("details:not([open])").count() == 0
        assert shown(one.page, "nav, form, .copied button, .skip") == 0
        assert one.page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        one.shot(f"{name}-print", full_page=True)
        one.page.evaluate("dispatchEvent(new Event('afterprint'))")
        one.page.emulate_media(media="screen")
        assert one.page.pdf(format="A4").startswith(b"%PDF")


def test_the_filter_works_by_keyboard(tmp_path, written, opened):
    with opened(written(PAGES["several"](tmp_path))) as one:
        page = one.page
        assert (shown(page, ROWS), shown(page, ".card")) == (5, 5)
        tab_to(page, "#filter-text")
        page.keyboard.type("node5 ip_forward")
        expect(page.locator("[data-told]")).to_have_text("2 of 5 shown")
        assert (shown(page, ROWS), shown(page, ".card")) == (2, 2)
        tab_to(page, "input[value=error]")
        page.keyboard.press("Space")
        expect(page.locator("[data-told]")).to_have_text("1 of 5 shown")
        assert page.locator(ROWS).filter(visible=True).get_attribute("data-severity") == "info"


def test_a_table_is_sorted_by_keyboard_and_comes_back(tmp_path, written, opened):
    with opened(written(PAGES["several"](tmp_path))) as one:
        page = one.page
        severities = "all => all.map(one => one.dataset.severity)"
        first = page.locator(ROWS).evaluate_all(severities)
        assert first == ["error", "error", "error", "warning", "info"]
        tab_to(page, "th button")
        orders = []
        for _ in range(3):
            page.keyboard.press("Enter")
            head = page.locator("th:has(button)").first
            orders.append(
                (head.get_attribute("aria-sort"), page.locator(ROWS).evaluate_all(severities))
            )
        assert orders == [("ascending", first), ("descending", first[::-1]), (None, first)]
        tab_to(page, "th:nth-child(3) button")
        page.keyboard.press("Space")
        paths = page.locator(f"{ROWS} td:nth-child(3)").all_inner_texts()
        assert paths == sorted(paths)


def test_the_first_key_leads_past_the_menu(tmp_path, written, opened):
    with opened(written(PAGES["several"](tmp_path))) as one:
        one.page.keyboard.press("Tab")
        assert one.page.evaluate("document.activeElement.textContent") == "Skip to the answer"
        one.page.keyboard.press("Enter")
        assert one.page.evaluate("document.activeElement.id") == "main"


def test_a_command_is_copied_by_keyboard(tmp_path, written, opened):
    with opened(written(PAGES["underlay-mtu"](tmp_path))) as one:
        tab_to(one.page, ".copied button")
        one.page.keyboard.press("Enter")
        expect(one.page.locator(".copied button").first).to_have_text(re.compile("Copied|Selected"))
        one.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<textarea></textarea>')")
        one.page.locator("textarea").focus()
        one.page.keyboard.press("Control+V")
        assert one.page.locator("textarea").input_value() == "ip link delete flannel.1"


@pytest.mark.parametrize("name", ["several", "nights", "fleet"])
def test_with_scripts_off_all_is_there(name, tmp_path, written, opened):
    report = PAGES[name](tmp_path)
    with opened(written(report), java_script_enabled=False) as one:
        assert shown(one.page, ROWS) == shown(one.page, ".cards .card") == len(report.findings)
        assert shown(one.page, "form, button") == 0
        assert one.tried == []


def test_no_text_from_a_node_runs_or_makes_an_element(written, opened):
    rows = tuple(spoilt(finding(number), text) for number, text in enumerate(HOSTILE))
    report = finished(upgrade())
    with opened(written(type(report)(**{**fields_of(report), "findings": rows}))) as one:
        page = one.page
        assert page.locator(ROWS).count() == len(HOSTILE)
        assert page.locator("script").count() == 1
        assert (
            page.locator("img, iframe, object, embed, link, base, main b").count() == 1
        )  # coverage
        texts = page.locator(f"{ROWS} td:nth-child(3)").all_text_contents()
        assert texts == [visible(one) for one in HOSTILE]
        assert one.tried == []


def fields_of(report):
    return {name: getattr(report, name) for name in report.__slots__}


@pytest.mark.parametrize(
    "number", [0, 2, HOSTILE.index("--><x>"), HOSTILE.index("\u202eevil\u202c")]
)
def test_hostile_text_in_every_field_asks_for_nothing(number, written, opened):
    for report in spoilt_reports(HOSTILE[number]):
        with opened(written(report)) as one:
            assert one.page.locator("script").count() == 1
            assert one.page.locator("img, x").count() == 0
            assert one.tried == []


def test_a_script_that_is_not_ours_does_not_run(written, opened):
    with opened(written(checked(cluster(2)))) as one:
        one.page.evaluate(
            "const made = document.createElement('script');"
            "made.textContent = 'window.owned = true'; document.body.append(made)"
        )
        assert one.page.evaluate("window.owned === undefined")
        assert ["script-src" in text for text in one.tried] == [True]


def test_five_thousand_nodes_do_not_freeze_a_browser(written, opened):
    path = written(fleet(5000, 100))
    start = time.monotonic()
    with opened(path) as one:
        tab_to(one.page, "#filter-text")
        one.page.keyboard.type("1400 error")
        expect(one.page.locator("[data-told]")).not_to_have_text("100 of 100 shown")
        assert time.monotonic() - start < 10
