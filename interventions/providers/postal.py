"""Facts about addresses: country codes, the states of some countries, and how postal codes are written.

A country that is not in a table here is not judged by it. That includes those without postal codes,
where the protocol wants something written and nobody knows what.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

COUNTRIES = frozenset(
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV "
    "BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES "
    "ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE "
    "IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY "
    "MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU "
    "NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM "
    "SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE "
    "VG VI VN VU WF WS YE YT ZA ZM ZW".split()
)
"""ISO 3166-1 alpha-2."""

ALSO_WRITTEN: Mapping[str, str] = {
    "UK": "GB",
    "EL": "GR",
    "USA": "US",
    "CAN": "CA",
    "GBR": "GB",
    "DEU": "DE",
    "AUT": "AT",
    "CHE": "CH",
    "FRA": "FR",
    "ITA": "IT",
    "ESP": "ES",
    "NLD": "NL",
    "BEL": "BE",
    "AUS": "AU",
    "JPN": "JP",
    "UNITEDSTATES": "US",
    "UNITEDSTATESOFAMERICA": "US",
    "UNITEDKINGDOM": "GB",
    "CANADA": "CA",
    "GERMANY": "DE",
    "DEUTSCHLAND": "DE",
    "AUSTRIA": "AT",
    "SWITZERLAND": "CH",
    "FRANCE": "FR",
    "ITALY": "IT",
    "SPAIN": "ES",
    "AUSTRALIA": "AU",
    "JAPAN": "JP",
}
"""What people write for a country instead of its code, without spaces and marks."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a country writes its postal codes: `pattern` for one without spaces and hyphens, whose
    groups stand apart by `joint`; `prefixes` are letters that people put before the digits."""

    pattern: re.Pattern[str]
    example: str
    joint: str = ""
    prefixes: tuple[str, ...] = ()


def _form(pattern: str, example: str, joint: str = "", *prefixes: str) -> Form:
    return Form(re.compile(pattern, re.ASCII), example, joint, prefixes)


_UK_INWARD = r"(\d[ABD-HJLNP-UW-Z]{2})"
_FOUR, _FIVE, _SIX = r"(\d{4})", r"(\d{5})", r"([1-9]\d{5})"

FORMS: Mapping[str, Form] = {
    "AT": _form(r"([1-9]\d{3})", "1010", "", "AT", "A"),
    "AU": _form(_FOUR, "2000"),
    "BE": _form(r"([1-9]\d{3})", "1000", "", "BE", "B"),
    "BG": _form(r"([1-9]\d{3})", "1000", "", "BG"),
    "BR": _form(r"(\d{5})(\d{3})", "01310-100", "-"),
    "CA": _form(r"([A-CEGHJ-NPR-TVXY]\d[A-CEGHJ-NPR-TV-Z])(\d[A-CEGHJ-NPR-TV-Z]\d)", "K1A 0B1", " "),
    "CH": _form(r"([1-9]\d{3})", "8001", "", "CH"),
    "CZ": _form(r"([1-7]\d{2})(\d{2})", "110 00", " ", "CZ"),
    "DE": _form(r"((?:0[1-9]|[1-9]\d)\d{3})", "10115", "", "DE", "D"),
    "DK": _form(_FOUR, "1050", "", "DK"),
    "EE": _form(_FIVE, "10111", "", "EE"),
    "ES": _form(r"((?:0[1-9]|[1-4]\d|5[0-2])\d{3})", "28013", "", "ES", "E"),
    "FI": _form(_FIVE, "00100", "", "FI"),
    "FR": _form(_FIVE, "75001", "", "FR", "F"),
    "GB": _form(
        r"(GIR|[A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d{1,2}|\d[A-HJKPSTUW]|[A-HK-Y]\d[ABEHMNPRV-Y]))" + _UK_INWARD,
        "SW1A 1AA",
        " ",
    ),
    "GR": _form(r"([1-8]\d{2})(\d{2})", "104 31", " ", "GR"),
    "HU": _form(r"([1-9]\d{3})", "1051", "", "HU", "H"),
    "IE": _form(r"([AC-FHKNPRTV-Y]\d[0-9W])([0-9AC-FHKNPRTV-Y]{4})", "D02 X285", " "),
    "IN": _form(_SIX, "110001"),
    "IT": _form(_FIVE, "00184", "", "IT", "I"),
    "JP": _form(r"(\d{3})(\d{4})", "100-0001", "-"),
    "KR": _form(_FIVE, "04524"),
    "LU": _form(r"([1-9]\d{3})", "1111", "", "LU", "L"),
    "MX": _form(_FIVE, "06000"),
    "NL": _form(r"([1-9]\d{3})([A-Z]{2})", "1012 AB", " ", "NL"),
    "NO": _form(_FOUR, "0150", "", "NO", "N"),
    "NZ": _form(_FOUR, "6011"),
    "PL": _form(r"(\d{2})(\d{3})", "00-001", "-", "PL"),
    "PT": _form(r"([1-9]\d{3})(\d{3})", "1100-148", "-", "PT"),
    "RO": _form(r"(\d{6})", "010011", "", "RO"),
    "SE": _form(r"([1-9]\d{2})(\d{2})", "111 22", " ", "SE", "S"),
    "SG": _form(r"(\d{6})", "018956"),
    "SI": _form(r"([1-9]\d{3})", "1000", "", "SI"),
    "SK": _form(r"([089]\d{2})(\d{2})", "811 01", " ", "SK"),
    "US": _form(r"(\d{5})(\d{4})?", "94105 or 94105-1234", "-"),
    "ZA": _form(_FOUR, "8001"),
}

_US_STATES = (
    "AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware|"
    "DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa|"
    "KS Kansas|KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota|"
    "MS Mississippi|MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey|"
    "NM New Mexico|NY New York|NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|"
    "PA Pennsylvania|RI Rhode Island|SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah|"
    "VT Vermont|VA Virginia|WA Washington|WV West Virginia|WI Wisconsin|WY Wyoming|AS American Samoa|"
    "GU Guam|MP Northern Mariana Islands|PR Puerto Rico|VI Virgin Islands|AA Armed Forces Americas|"
    "AE Armed Forces Europe|AP Armed Forces Pacific|FM Federated States of Micronesia|"
    "MH Marshall Islands|PW Palau"
)
_CA_PROVINCES = (
    "AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick|NL Newfoundland and Labrador|"
    "NS Nova Scotia|NT Northwest Territories|NU Nunavut|ON Ontario|PE Prince Edward Island|QC Quebec|"
    "QC Québec|SK Saskatchewan|YT Yukon"
)
_AU_STATES = (
    "ACT Australian Capital Territory|NSW New South Wales|NT Northern Territory|QLD Queensland|"
    "SA South Australia|TAS Tasmania|VIC Victoria|WA Western Australia"
)


def _states(listed: str) -> dict[str, str]:
    """Code by code, and by name without spaces, in capitals."""
    known: dict[str, str] = {}
    for entry in listed.split("|"):
        code, _, name = entry.partition(" ")
        known |= {code: code, name.replace(" ", "").upper(): code}
    return known


STATES: Mapping[str, Mapping[str, str]] = {
    "US": _states(_US_STATES),
    "CA": _states(_CA_PROVINCES),
    "AU": _states(_AU_STATES),
}
"""What a state or province is written as, in capitals without spaces, and its code."""

_US_BY_FIRST = {
    "0": "CT MA ME NH NJ NY PR RI VI VT AE",
    "1": "DE NY PA",
    "2": "DC MD NC SC VA WV",
    "3": "AL FL GA MS TN AA",
    "4": "IN KY MI OH",
    "5": "IA MN MT ND SD WI DC",
    "6": "IL KS MO NE",
    "7": "AR LA OK TX",
    "8": "AZ CO ID NM NV UT WY",
    "9": "AK AS CA FM GU HI MH MP OR PW WA AP",
}
_CA_BY_FIRST = {
    "A": "NL",
    "B": "NS",
    "C": "PE",
    "E": "NB",
    "G": "QC",
    "H": "QC",
    "J": "QC",
    # The national capital region is on both sides of the river.
    "K": "ON QC",
    "L": "ON",
    "M": "ON",
    "N": "ON",
    "P": "ON",
    "R": "MB",
    "S": "SK",
    "T": "AB",
    "V": "BC",
    "X": "NT NU",
    "Y": "YT",
}
FIRST_LETTERS: Mapping[str, Mapping[str, frozenset[str]]] = {
    country: {letter: frozenset(states.split()) for letter, states in table.items()}
    for country, table in (("US", _US_BY_FIRST), ("CA", _CA_BY_FIRST))
}
"""The states that postal codes with this first character lie in."""
