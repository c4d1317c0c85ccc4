"""The schema files: sound, complete, local, and found in an installed package."""

import copy
import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from schemas import facade, loader, selfcheck
from schemas.facade import BrokenSchema
from schemas.reference_engine import ReferenceEngine
from tests.schemas.documents import CREATE, SESSION, VALID
from tests.schemas.mutations import at

ROOT = Path(__file__).resolve().parents[2]


def test_the_files_are_sound():
    facade.self_check()


def test_what_the_gateway_asks_for_is_there():
    wanted = {name for name, _ in VALID}

    assert wanted <= set(facade.names())
    assert facade.versions() == ["2026-04-17"]


def test_the_files_travel_with_the_package():
    """`importlib.resources` finds them, whose folder is no identifier."""
    folder = resources.files("schemas") / "acp" / "2026-04-17"

    found = {entry.name for entry in folder.iterdir() if entry.name.endswith(".json")}

    assert {"session.json", "requests.json", "order.json", "discovery.json", "error.json"} <= found
    assert found == set(loader.files())


@pytest.mark.parametrize("version", ["2099-01-01", "..", "", "2026-04-17/../2026-04-17"])
def test_an_unknown_version_is_a_lookup_error(version):
    with pytest.raises(LookupError):
        facade.validator("Error", version)


def test_an_unknown_name_is_a_lookup_error():
    with pytest.raises(LookupError):
        facade.validator("Nonesuch")


def test_a_validator_is_compiled_once():
    assert facade.validator("Error") is facade.validator("Error")


@pytest.mark.parametrize("name", facade.names())
def test_a_bundle_needs_nothing_else(name):
    """For OpenAPI: every reference leads inside, and nothing is carried along that is not needed."""
    bundle = facade.bundled(name)
    text = json.dumps(bundle)

    Draft202012Validator.check_schema(bundle)
    assert bundle["title"] == name
    assert text.count('"$ref"') == text.count('"$ref": "#/$defs/')
    for inner in bundle.get("$defs", {}):
        assert f'"#/$defs/{inner}"' in text


def test_a_bundle_may_be_changed_by_its_reader():
    first = facade.bundled("CheckoutSession")
    first["$defs"]["Total"]["properties"].clear()

    assert facade.bundled("CheckoutSession")["$defs"]["Total"]["properties"]


@pytest.mark.parametrize(
    ("file", "name", "document"),
    [("session", "CheckoutSession", SESSION), ("requests", "CheckoutSessionCreateRequest", CREATE)],
)
def test_the_files_work_as_they_stand(file, name, document):
    """Anybody can use them with any validator: relative references to neighbours, no identifiers of ours."""
    base = "https://somewhere.example/schemas/"
    registry = Registry().with_resources(
        [(base + entry, Resource.from_contents(content)) for entry, content in loader.files().items()]
    )
    validator = Draft202012Validator({"$ref": f"{base}{file}.json#/$defs/{name}"}, registry=registry)

    assert validator.is_valid(document)
    assert not validator.is_valid({**document, "currency": 4})


@pytest.mark.parametrize(
    ("file", "place", "value", "complaint"),
    [
        ("parts.json", ("Address", "type"), "objekt", "parts.json"),
        ("parts.json", ("Address", "required"), "name", "parts.json"),
        ("parts.json", ("Address", "requried"), ["name"], "Address uses requried"),
        ("parts.json", ("Address", "required"), ["nmae"], "Address requires nmae"),
        ("parts.json", ("Buyer", "properties", "email", "format"), "emial", "Buyer.email"),
        ("parts.json", ("Buyer", "properties", "company", "$ref"), "#/$defs/Firm", "refers to #/$defs/Firm"),
        ("order.json", ("Order", "properties", "totals", "items", "$ref"), "parts.json#/$defs/Totl", "Totl"),
        ("order.json", ("Order", "properties", "support", "$ref"), "https://a.example/x.json", "a.example"),
        ("order.json", ("Address",), {"type": "object"}, "Address is defined in"),
    ],
)
def test_a_broken_file_is_noticed(file, place, value, complaint):
    """Decision 10: a start-up check, because a schema that is wrong accepts too much in silence."""
    files = copy.deepcopy(loader.files())
    at(files[file]["$defs"], place[:-1])[place[-1]] = value

    with pytest.raises(BrokenSchema, match=complaint.replace("$", r"\$")):
        selfcheck.check_files(files, where="planted")


def test_an_engine_without_formats_is_noticed():
    with pytest.raises(BrokenSchema, match="uri"):
        selfcheck.check_formats(ReferenceEngine(check_formats=False))


PROGRAM = """
import sys
sys.modules["jsonschema_rs"] = None
from schemas import facade
facade.self_check()
told = facade.validator("CheckoutSessionCreateRequest").violations({"currency": 4, "buyer": {"email": "x"}})
print(facade.engine_name(), [(one.path, one.keyword) for one in told])
"""


def test_without_the_fast_engine_the_other_decides():
    """Decision 10: a machine without the wheel gives the same answers."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )

    body = {"currency": 4, "buyer": {"email": "x"}}
    told = [
        (one.path, one.keyword) for one in facade.validator("CheckoutSessionCreateRequest").violations(body)
    ]
    assert ran.stdout.strip() == f"jsonschema {told}"
    assert facade.engine_name() == "jsonschema-rs"


def test_the_package_is_a_leaf():
    """Architecture: no Django, nothing of the other packages."""
    program = (
        "import sys\nfrom schemas import facade\nfacade.self_check()\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'django', 'gateway', 'checkout', 'interventions'}))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ran.stdout.strip() == "[]"
