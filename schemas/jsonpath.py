"""RFC 9535 JSONPath of a place in a document, showing no name that could be somebody's secret."""

import re

from schemas.findings import Path

# Names as a schema would choose them, such as line_two or cvv2 or track2_data. A longer one, or one
# with many digits, may be a misplaced value.
_PLAIN = re.compile(r"[A-Za-z_]+[0-9]{0,2}[A-Za-z_]*")
_HARMLESS = re.compile(r"[A-Za-z_.:-]+[0-9]{0,2}[A-Za-z_.:-]*")
_LONGEST = 32


def is_plain(name: str) -> bool:
    """`name` is a short identifier and may be shown wherever it came from."""
    return len(name) <= _LONGEST and _PLAIN.fullmatch(name) is not None


def rendered(path: Path) -> tuple[str, bool]:
    """`path` as text such as `$.line_items[0].id`, and whether all of it could be shown.

    A name that is no identifier is written as `['name']`; one that should not be repeated ends the text at
    the place that holds it.
    """
    text = "$"
    for segment in path:
        if isinstance(segment, int):
            text += f"[{segment}]"
        elif is_plain(segment):
            text += f".{segment}"
        elif len(segment) <= _LONGEST and _HARMLESS.fullmatch(segment):
            text += f"['{segment}']"
        else:
            return text, False
    return text, True
