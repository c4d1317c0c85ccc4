"""The demo project with a slow route, for tests that stop a server in the middle of a request."""

from gateway.project.demo import *  # noqa: F403

ROOT_URLCONF = "tests.project.slow_urls"
