"""The texts for people: found in the source, translated in .po files, compiled into .mo files.

`python -m tests.catalogs` (or `make texts`) brings the files up to date: new texts are added
without a translation, texts that are gone go, and every .mo is compiled again.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from interventions.translation import DOMAIN

ROOT = Path(__file__).resolve().parent.parent

PACKAGES = ("interventions", "checkout", "gateway")
LANGUAGES = ("de",)

KEYWORDS = {"gettext_noop": None, "total_of": (2,)}
"""`total_of` is where the wire names an amount; marking each of those texts would say it twice."""


SAID = re.compile(rb'\{%\s*say\s+"([^"]+)"')
"""What a template says to people; see gateway/templatetags/agentic_person.py."""


def texts(package: str) -> Catalog:
    """Every text for people in a package's source and templates."""
    found = Catalog(charset="utf-8")
    methods: list[tuple[str, Any]] = [("**.py", "python"), ("**.html", said)]
    for _, _, text, _, _ in extract_from_dir(str(ROOT / package), method_map=methods, keywords=KEYWORDS):
        found.add(text)
    return found


def said(template: BinaryIO, *_: Any, **__: Any) -> Iterator[tuple[int, None, str, list[str]]]:
    """The texts of a template, in the form that Babel asks of an extractor."""
    for number, line in enumerate(template, start=1):
        for text in SAID.findall(line):
            yield number, None, text.decode(), []


def files(package: str) -> Iterator[Path]:
    """The package's .po files."""
    for language in LANGUAGES:
        yield ROOT / package / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(file: Path) -> Catalog:
    """A .po file; an empty catalog where there is none yet."""
    language = file.parent.parent.name
    if not file.exists():
        return Catalog(
            language,
            DOMAIN,
            project="agentic-checkout-gateway",
            version="1",
            msgid_bugs_address="none",
            last_translator="the authors",
            language_team="the authors",
            header_comment="# What buyers read.",
            creation_date=datetime(2026, 1, 1, tzinfo=UTC),
            fuzzy=False,
        )
    with file.open("rb") as source:
        return read_po(source, locale=language, domain=DOMAIN)


def compiled(catalog: Catalog) -> bytes:
    """The .mo file of a catalog."""
    target = io.BytesIO()
    write_mo(target, catalog)
    return target.getvalue()


def bring_up_to_date(package: str) -> int:
    """The package's files say what its source says; how many texts have no translation."""
    missing = 0
    for file in files(package):
        catalog = read(file)
        catalog.update(texts(package), no_fuzzy_matching=True, update_creation_date=False)
        catalog.obsolete.clear()
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as target:
            write_po(target, catalog, width=100, no_location=True, sort_output=True)
        file.with_suffix(".mo").write_bytes(compiled(catalog))
        missing += sum(1 for message in catalog if message.id and not message.string)
    return missing


if __name__ == "__main__":
    untranslated = sum(bring_up_to_date(package) for package in PACKAGES)
    sys.stdout.write(f"{untranslated} texts have no translation.\n")
