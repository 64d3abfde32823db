"""The Celery application. Its messages are hints: they hold no data of a workspace, and losing them loses nothing.

`CELERY_BROKER_URL`: `amqp://…` (RabbitMQ) or `redis://…` (Redis, Valkey).
"""

from __future__ import annotations

from celery import Celery, Task

QUEUE = "automate"
BROKER_SECONDS = 3.0  # how long a caller waits for a broker that does not answer
THREADS = 4  # slices of work and chores at once, in one process
SOCKET = {"socket_timeout": BROKER_SECONDS, "socket_connect_timeout": BROKER_SECONDS, "retry_on_timeout": False}


def make(broker_url: str) -> Celery[Task]:
    """The application on that broker, with its tasks."""
    app: Celery[Task] = Celery("automate", broker=broker_url, include=["automate_platform.fleet.tasks"])
    app.conf.update(
        task_default_queue=QUEUE,
        task_default_delivery_mode="transient",
        task_ignore_result=True,
        task_publish_retry=False,
        accept_content=["json"],
        broker_connection_timeout=BROKER_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=SOCKET if broker_url.startswith("redis") else {},
        worker_pool="threads",
        worker_concurrency=THREADS,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_prefetch_count_reduction=False,  # with it, a worker took no more after RabbitMQ had come back
    )
    return app
