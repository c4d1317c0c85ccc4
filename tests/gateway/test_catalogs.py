"""Every text for buyers is translated, and what is shipped is what was translated."""

from __future__ import annotations

import ast
import gettext
from pathlib import Path

import pytest
from django.test import override_settings

from interventions import translation
from tests import catalogs

FILES = [(package, file) for package in catalogs.PACKAGES for file in catalogs.files(package)]
ADVICE = "run `make texts`, then translate what has no translation in the .po files"


def ids(catalog: catalogs.Catalog) -> set[str]:
    return {str(message.id) for message in catalog if message.id}


@pytest.mark.requirement("ACP-014")
@pytest.mark.parametrize(("package", "file"), FILES, ids=str)
def test_every_text_of_the_source_is_translated(package: str, file: Path) -> None:
    found = catalogs.texts(package)

    assert ids(found)
    assert ids(catalogs.read(file)) == ids(found), ADVICE
    assert [message.id for message in catalogs.read(file) if not message.string or message.fuzzy] == [], (
        ADVICE
    )


@pytest.mark.parametrize(("package", "file"), FILES, ids=str)
def test_a_translation_takes_the_values_of_its_text(package: str, file: Path) -> None:
    """Another place-holder would break the answer, or leave something out."""
    for message in catalogs.read(file):
        if message.id:
            assert translation.places(str(message.string)) == translation.places(str(message.id))
            assert str(message.string).count("%") == str(message.id).count("%"), message.id


@pytest.mark.parametrize(("package", "file"), FILES, ids=str)
def test_the_compiled_file_says_what_the_readable_one_says(package: str, file: Path) -> None:
    """The .mo file is what is shipped and read."""
    with file.with_suffix(".mo").open("rb") as source:
        compiled = gettext.GNUTranslations(source)

    written = {str(message.id): message.string for message in catalogs.read(file) if message.id}
    assert {text: compiled.gettext(text) for text in written} == written
    assert len(compiled._catalog) == len(written) + 1, ADVICE  # type: ignore[attr-defined]


def test_no_text_is_in_two_packages() -> None:
    """They share one name space: the translation of one could be taken for the other's."""
    found = [text for package in catalogs.PACKAGES for text in ids(catalogs.texts(package))]

    assert len(found) == len(set(found))


def test_the_texts_are_found_however_the_merchant_has_set_django_up() -> None:
    """Mounted beside apps that speak one language, which is neither English nor German."""
    translation._catalog.cache_clear()
    with override_settings(USE_I18N=False, LANGUAGES=[("fr", "French")], LANGUAGE_CODE="fr"):
        assert translation.words("de")("Total") == "Gesamtbetrag"
        assert translation.words("de-AT")("Total") == "Gesamtbetrag"
        assert translation.words("en")("Total") == "Total"
        assert translation.words("nl")("Total") == "Total"
    translation._catalog.cache_clear()


def test_a_merchant_may_say_it_otherwise(tmp_path: Path) -> None:
    """A catalog in LOCALE_PATHS wins, and may speak a language that we do not; one whose values
    do not fit is not used."""
    for language, total in (("de", "Summe"), ("nl", "Totaal")):
        catalog = catalogs.Catalog(language)
        catalog.add("Total", total)
        catalog.add("%(title)s is out of stock.", "%(name)s")
        file = tmp_path / language / "LC_MESSAGES" / f"{translation.DOMAIN}.mo"
        file.parent.mkdir(parents=True)
        file.write_bytes(catalogs.compiled(catalog))

    translation._catalog.cache_clear()
    with override_settings(LOCALE_PATHS=[tmp_path]):
        assert translation.words("de")("Total") == "Summe"
        assert translation.words("de")("Tax") == "Steuern"
        assert translation.words("nl")("Total") == "Totaal"
        assert translation.words("nl")("%(title)s is out of stock.") == "%(title)s is out of stock."
    translation._catalog.cache_clear()


@pytest.mark.parametrize(
    "name",
    ["", "x", "../../etc", "de/../de", "de\0", "d" * 5_000, "de-" * 900, "de_DE.UTF-8", "\N{PILE OF POO}"],
)
def test_what_is_no_language_is_english(name: str) -> None:
    assert translation.words(name)("Total") == "Total"


def test_the_header_of_a_catalog_is_no_text() -> None:
    assert translation.words("de")("") == ""


def plain_texts(source: str) -> list[str]:
    """The texts that reach a buyer's message without being marked for translation."""
    found = []
    for function in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)):
        named: dict[str, list[ast.expr]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                named.setdefault(node.targets[0].id, []).append(node.value)
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            place = {"problem": 2, "_notice": 1}.get(ast.unparse(call.func).rpartition(".")[2])
            if place is None or len(call.args) <= place:
                continue
            given = call.args[place]
            values = named.get(given.id, []) if isinstance(given, ast.Name) else [given]
            found += [
                ast.unparse(part)
                for value in values
                for part in (value.values if isinstance(value, ast.BoolOp) else [value])
                if isinstance(part, ast.Constant | ast.JoinedStr | ast.BinOp)
            ]
    return found


@pytest.mark.requirement("ACP-014")
def test_every_message_is_marked_for_translation() -> None:
    """One that is not would be English for everybody, and nothing above would notice."""
    for package in catalogs.PACKAGES:
        for file in sorted((catalogs.ROOT / package).rglob("*.py")):
            assert plain_texts(file.read_text(encoding="utf-8")) == [], file


@pytest.mark.parametrize(
    "line",
    [
        "text = 'x'\n  problem(a, b, text)",
        "problem(a, b, 'x')",
        "_notice(a, f'{b} x')",
        "pricing.problem(a, b, 'x' % c)",
    ],
)
def test_an_unmarked_message_is_found(line: str) -> None:
    assert plain_texts(f"def f():\n  {line}")
