"""What is wrong with a file of keys, for the system checks of whoever signs with them."""

from __future__ import annotations

from pathlib import Path

from django.core.checks import CheckMessage, Error, Warning

from gateway import secret_files
from gateway.conf import NAME, conf
from gateway.key_rings import KeyFile


def of(
    file: KeyFile, *, unnamed: str, hint: str, errors: tuple[str, str, str], warning: str
) -> list[CheckMessage]:
    """`errors`: the ids for a setting that names no file (`unnamed` says what it is for), a file that cannot
    be used, and one that everybody can read; `warning` is for one that its group can read."""
    setting = f"{NAME}['{file.setting}']"
    named = getattr(conf(), file.setting)
    if not isinstance(named, str) or not named:
        return [Error(f"{setting} must name {unnamed}", hint=hint, id=errors[0])]
    path = Path(named)
    if conf().DEMO and not path.exists():
        return []  # the demo makes its own when it starts
    try:
        file.ring()
        others = secret_files.readable_by(path)
    except (secret_files.Unusable, OSError) as problem:
        return [Error(f"{setting}: {problem}", hint=hint, id=errors[1])]
    if others & secret_files.OTHERS:
        text = f"{setting}: everybody on this machine can use the file. chmod 600 makes it yours."
        return [Error(text, id=errors[2])]
    if others:
        text = f"{setting}: the group of the file can use it too. chmod 600 makes it yours."
        return [Warning(text, id=warning)]
    return []
