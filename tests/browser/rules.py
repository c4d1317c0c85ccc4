"""The rules for pages that buyers see, measured on a page as it is shown.

`accessible(page)` asserts them all; the page looks afterwards as before, with nothing focused.
"""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

MEASURE = (Path(__file__).parent / "rules.js").read_text()
NARROW = {"width": 320, "height": 568}
MOST_BYTES = 100_000

FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
HOW_MANY = """selector => new Set([...document.querySelectorAll(selector)]
  .filter(element => element.checkVisibility() && !element.disabled)
  .map(element => element.type === "radio" ? `radio ${element.name}` : element)).size"""
"""Of a group of choices Tab reaches one, and arrows the others."""
FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element);
  window.agenticFocused = window.agenticFocused || [];
  if (!window.agenticFocused.includes(element)) window.agenticFocused.push(element);
  return {
    number: window.agenticFocused.indexOf(element),
    name: element.textContent.trim() || element.name || element.tagName,
    // "auto" is the browser's own ring, whatever width it reports.
    outline: { none: 0, auto: 3 }[style.outlineStyle] ?? parseFloat(style.outlineWidth),
  };
}"""
LOADED = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""

_axe = Axe()


def accessible(page: Page) -> None:
    """Every rule holds: structure, labels, sizes, contrast in light and dark, focus, width, weight."""
    found = problems(page)
    assert not found, "\n".join((page.url, *found))


def problems(page: Page) -> list[str]:
    """What is wrong with the page, in words."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {problem}" for problem in page.evaluate(MEASURE)]
        found += [f"{scheme}: {problem}" for problem in _axe_says(page)]
    page.emulate_media(color_scheme="null")
    found += narrow(page)
    found += _by_keyboard(page)
    loaded = page.evaluate(LOADED)
    if loaded > MOST_BYTES:
        found.append(f"{loaded} bytes until it can be used")
    return found


def _axe_says(page: Page) -> list[str]:
    """The judgement of axe-core, with its best practices."""
    violations = _axe.run(page).response["violations"]
    return [
        f"axe {violation['id']}: {[node['html'][:80] for node in violation['nodes']]}"
        for violation in violations
    ]


def narrow(page: Page) -> list[str]:
    """What lies beside the screen of the smallest phone: nothing, one hopes."""
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size(before)
    return [] if width <= NARROW["width"] else [f"{width} px wide on a screen of {NARROW['width']} px"]


def _by_keyboard(page: Page) -> list[str]:
    """Tab reaches everything that can be used, and one sees where one is."""
    there = page.evaluate(HOW_MANY, FOCUSABLE)
    reached: dict[int, str] = {}
    found = []
    for _ in range(there + 2):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None or focused["number"] in reached:
            continue
        reached[focused["number"]] = focused["name"]
        if focused["outline"] < 2:
            found.append(f"focus on {focused['name']!r} cannot be seen")
    page.evaluate("document.activeElement.blur()")
    if len(reached) != there:
        found.append(f"of {there} things Tab reaches {list(reached.values())}")
    return found
