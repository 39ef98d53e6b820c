"""What the tests of pages share: reading them as text, and a real browser."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


def visible(text: str) -> str:
    """Return the page without scripts and styles."""
    return re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)


def specifications(text: str) -> list[dict[str, Any]]:
    found = re.findall(r'<script type="application/json">(.*?)</script>', text, flags=re.DOTALL)
    return [json.loads(each) for each in found]


def opened(browser: Chrome, path: Path) -> Chrome:
    browser.get(path.as_uri())
    end = time.monotonic() + 120
    while browser.execute_script("return document.body.dataset.ready") != "yes":
        assert time.monotonic() < end, "the page did not finish"
        time.sleep(0.05)
    return browser


def requests(browser: Chrome) -> set[str]:
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return {each["request"]["url"].partition(":")[0] for each in sent}
