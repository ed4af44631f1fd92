"""The browser, started once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

# How long a page may take, in milliseconds: a loaded machine is slow, not wrong.
PATIENCE = 45_000
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    # Here, so that the other tests need no Playwright.
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()
