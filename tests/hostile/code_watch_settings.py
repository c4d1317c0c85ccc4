"""The demo with an eye on the comparisons of one-time codes."""

from gateway.project.demo import *  # noqa: F403
from gateway.project.demo import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.hostile.code_watch"]
