"""The Celery application: `celery -A gateway.project worker`.

A task carries one id of an outbox row. The row is the truth: a task that is lost is published
again, a task that runs twice finds its work done.
"""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.project.settings")

from django.conf import settings

from gateway.project import kept_connections
from gateway.project.broker import outlast_silence

outlast_silence()
kept_connections.keep()
app = Celery("agentic", amqp="gateway.project.broker:Amqp")
app.conf.update(
    broker_url=settings.REDIS_URL or None,
    broker_connection_retry_on_startup=True,
    # A broker that accepts and says nothing must not hold anybody for longer than a second;
    # without `max_retries` it is asked again, after pauses of two seconds and more. A task not
    # acknowledged within the visibility timeout is delivered again; none may run so long.
    broker_transport_options={
        "socket_timeout": 1,
        "socket_connect_timeout": 1,
        "max_retries": 0,
        "visibility_timeout": 300,
    },
    task_default_queue="agentic",
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_publish_retry=False,
    task_soft_time_limit=30,
    # Below the lease of a message (60 s), so that a stuck task ends before somebody else begins it.
    task_time_limit=50,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    timezone="UTC",
    CELERY_DB_REUSE_MAX=kept_connections.TASKS,
)
app.autodiscover_tasks()
