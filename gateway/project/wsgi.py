"""What a WSGI server loads in each worker: the application, and the relay beside it."""

from __future__ import annotations

import os

from gateway.charsets import readable
from gateway.project.parent import end_with_server

end_with_server()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.project.settings")

from django.conf import settings  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402

from gateway.project.connections import close_with_threads  # noqa: E402

close_with_threads()
application = readable(get_wsgi_application())

if settings.AGENTIC_GATEWAY["RELAY"] in {"thread", "celery"}:
    # Here and not in AppConfig.ready, which runs in every command, migration and test as well.
    from gateway.relay import start_thread

    start_thread()
