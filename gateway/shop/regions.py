"""Countries and their parts as people write them: taxes and delivery compare codes, not spellings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

COUNTRIES = {
    "usa": "US",
    "unitedstates": "US",
    "unitedstatesofamerica": "US",
    "theunitedstates": "US",
    "theunitedstatesofamerica": "US",
    "america": "US",
    "uk": "GB",
    "gbr": "GB",
    "unitedkingdom": "GB",
    "theunitedkingdom": "GB",
    "greatbritain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northernireland": "GB",
    "can": "CA",
    "canada": "CA",
    "deu": "DE",
    "germany": "DE",
    "deutschland": "DE",
    "fra": "FR",
    "france": "FR",
    "ita": "IT",
    "italy": "IT",
    "italia": "IT",
    "esp": "ES",
    "spain": "ES",
    "espana": "ES",
    "nld": "NL",
    "netherlands": "NL",
    "thenetherlands": "NL",
    "aut": "AT",
    "austria": "AT",
    "che": "CH",
    "switzerland": "CH",
    "irl": "IE",
    "ireland": "IE",
    "aus": "AU",
    "australia": "AU",
    "jpn": "JP",
    "japan": "JP",
    "mex": "MX",
    "mexico": "MX",
}

TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})
MILITARY = frozenset({"AA", "AE", "AP"})
"""Mail for the forces abroad; its addresses name these where others name a state."""

_US_NAMES = {
    "AL": "Alabama",
    "AK": "Alaska",
    "AZ": "Arizona",
    "AR": "Arkansas",
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "DE": "Delaware",
    "DC": "District of Columbia",
    "FL": "Florida",
    "GA": "Georgia",
    "HI": "Hawaii",
    "ID": "Idaho",
    "IL": "Illinois",
    "IN": "Indiana",
    "IA": "Iowa",
    "KS": "Kansas",
    "KY": "Kentucky",
    "LA": "Louisiana",
    "ME": "Maine",
    "MD": "Maryland",
    "MA": "Massachusetts",
    "MI": "Michigan",
    "MN": "Minnesota",
    "MS": "Mississippi",
    "MO": "Missouri",
    "MT": "Montana",
    "NE": "Nebraska",
    "NV": "Nevada",
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NY": "New York",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "OH": "Ohio",
    "OK": "Oklahoma",
    "OR": "Oregon",
    "PA": "Pennsylvania",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "TN": "Tennessee",
    "TX": "Texas",
    "UT": "Utah",
    "VT": "Vermont",
    "VA": "Virginia",
    "WA": "Washington",
    "WV": "West Virginia",
    "WI": "Wisconsin",
    "WY": "Wyoming",
    "AS": "American Samoa",
    "GU": "Guam",
    "MP": "Northern Mariana Islands",
    "PR": "Puerto Rico",
    "VI": "Virgin Islands",
    "AA": "Armed Forces Americas",
    "AE": "Armed Forces Europe",
    "AP": "Armed Forces Pacific",
}

_TWO_LETTERS = re.compile(r"[a-z]{2}")


def country(text: str) -> str:
    """The two capital letters of the country, or "" when `text` is neither two letters nor a
    name known here. Whether such a country exists is not looked up."""
    key = _folded(text)
    return COUNTRIES.get(key) or (key.upper() if _TWO_LETTERS.fullmatch(key) else "")


def subdivision(country: str, text: str, known: Iterable[str]) -> str:
    """One spelling for all spellings of a part of `country`, or "" when it is not known.

    Known are the codes and names of the United States, and in every country the parts in `known`.
    """
    key = _local(country, text)
    if code := _NAMES.get(country, {}).get(key):
        return code
    return key.upper() if key and any(key == _local(country, name) for name in known) else ""


@lru_cache(maxsize=4096)
def _local(country: str, text: str) -> str:
    """The letters and digits of `text`; ISO 3166-2 allows for both CA and US-CA."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace(".", "").strip()
    prefixed = re.match(rf"{country.lower()}[\W_]+(?=\w)", plain)
    return _folded(plain[prefixed.end() :] if prefixed else plain)


def _folded(text: str) -> str:
    """Letters and digits in lower case, without accents, apostrophes, spaces and marks."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in plain if letter.isalnum() and unicodedata.category(letter) != "Lm")


US: Mapping[str, str] = {
    **{_folded(name): code for code, name in _US_NAMES.items()},
    **{code.lower(): code for code in _US_NAMES},
    "washingtondc": "DC",
}
"""What a state, the district or a territory is written as, folded, and its code."""

_NAMES = {"US": US}
