"""Takes the pictures of the README in a real browser, against a running `make run`.

    pip install playwright; python docs/pictures.py http://localhost:8000 /usr/bin/chromium

Run `make demo` first, so that there is something to see.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)


def main(base: str, browser_path: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(QUIET))
        desk = browser.new_page(viewport={"width": 1400, "height": 1100})
        desk.goto(f"{base}/admin/")
        desk.fill("#id_username", "admin")
        desk.fill("#id_password", "admin")
        desk.click("[type=submit]")
        desk.goto(f"{base}/admin/agentic_checkout/checkoutsession/?state=completed")
        desk.locator("#result_list tbody th a").last.click()
        desk.wait_for_load_state()
        desk.screenshot(path=IMAGES / "admin.png")
        order = desk.locator("a[href*='/order/']").first.inner_text()
        phone = browser.new_page(viewport={"width": 390, "height": 500})
        phone.goto(f"{base}/agentic/orders/{order}")
        phone.screenshot(path=IMAGES / "order.png")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
