"""One Chromium for all tests here, and pages that tell what they tried to do."""

from __future__ import annotations

import shutil
import typing as t
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

SHOTS = Path(__file__).resolve().parent.parent.parent / "build" / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Opened:
    """A page that is open, and what it tried: console lines, errors, dialogs, requests."""

    page: Page
    tried: list[str] = field(default_factory=list)

    def shot(self, name: str, **options: t.Any) -> None:
        """Keep a picture of it under build/screenshots."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", **options)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium; nothing is downloaded."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert path, "these tests need the Debian package chromium"
    with sync_playwright() as playwright:
        # without a sandbox, as root has none; the pages are our own
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def opened(browser: Browser) -> t.Any:
    """Open a file in a window of its own; options are those of a Playwright context."""

    @contextmanager
    def call(path: Path, **options: t.Any) -> Iterator[Opened]:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options})
        page = context.new_page()
        found = Opened(page)
        page.on("console", lambda one: found.tried.append(f"console: {one.text}"))
        page.on("pageerror", lambda one: found.tried.append(f"error: {one}"))
        page.on("request", lambda one: found.tried.append(f"request: {one.url}"))
        page.on("dialog", lambda one: (found.tried.append(f"dialog: {one.message}"), one.dismiss()))
        page.goto(path.as_uri())
        found.tried.remove(f"request: {path.as_uri()}")
        yield found
        context.close()

    return call
