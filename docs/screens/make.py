"""Make the pictures of this folder from the starter content, in a browser without JavaScript.

Changes what it visits: it sends a text to review and proposes a value, so give it a service of its
own. Nothing of Touchstone needs this script or what it needs (playwright, and a Chromium):

    KB_HOME=/tmp/screens PORT=8123 make run             # in one terminal
    python -m venv /tmp/pictures && /tmp/pictures/bin/pip install playwright
    /tmp/pictures/bin/python docs/screens/make.py /tmp/screens/starter.json http://127.0.0.1:8123

A third argument names a Chromium that isn't /usr/bin/chromium.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
BEFORE = "We never pay to a different card or account because somebody asks us to, not even"
AFTER = "We never pay to another card or account, even if somebody asks us to, and not even"


def signed_in(browser: Browser, base: str, person: dict[str, str], phone: bool = False) -> Page:
    """Return a page on which the person has signed in."""
    page = browser.new_context(
        base_url=base,
        java_script_enabled=False,
        reduced_motion="reduce",
        viewport={"width": 360, "height": 720} if phone else {"width": 1280, "height": 860},
        device_scale_factor=2 if phone else 1,
    ).new_page()
    page.goto("/sign-in/")
    page.fill("[name=name]", person["name"])
    page.fill("[name=password]", person["password"])
    page.click("button.primary")
    return page


def write(editor: Page) -> None:
    """Send a next version to review, and propose another value of a fact."""
    editor.goto("/library/refund-payments-policy/")
    editor.click("text=Write the next version")
    editor.fill("[name=body]", editor.input_value("[name=body]").replace(BEFORE, AFTER))
    editor.fill("[name=change_note]", "Says plainly that we never change the account.")
    editor.click("button[value=submit]")
    editor.goto("/facts/refund.window/")
    editor.click("text=Propose another value: everywhere")
    editor.fill("[name=value]", "45")
    editor.fill("[name=note]", "Longer to return what was bought as a present.")
    editor.click("text=Propose the change")


def take(page: Page, name: str, address: str = "", height: int = 860) -> None:
    """Take the picture `name` of an address, or of where the page is."""
    if address:
        page.goto(address)
    page.set_viewport_size({"width": page.viewport_size["width"], "height": height})
    page.screenshot(path=HERE / f"{name}.png")


def main(starter: str, base: str, chromium: str = "/usr/bin/chromium") -> None:
    """Take all pictures."""
    people = {one["name"]: one for one in json.loads(Path(starter).read_text())["people"]}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium)
        write(signed_in(browser, base, people["editor"]))
        approver = signed_in(browser, base, people["second_approver"])
        take(approver, "home", "/")
        approver.click("text=How and when we pay refunds")
        take(approver, "review", height=1000)
        approver.goto("/review/")
        approver.click("text=refund.window")
        take(approver, "change-set")
        take(approver, "article", "/library/returns-policy-eu/", height=1180)
        approver.emulate_media(color_scheme="dark")
        take(approver, "library-dark", "/library/")
        phone = signed_in(browser, base, people["approver"], phone=True)
        take(phone, "phone", "/library/delivery-abroad/", height=720)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
