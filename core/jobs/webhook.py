"""A webhook: a message to the configured address when a run has ended."""

import http.client
import json
import logging
import threading
import urllib.request

from core.settings import get_settings
from core.store import runs

log = logging.getLogger("graft.webhook")
SECONDS = 5.0


def send_webhook(run_id: str) -> None:
    """Post `webhook_document` to `settings.webhook`, if it is set. Errors are only logged.

    It takes `SECONDS` at most, however slow name resolution or the server is.
    """
    address = get_settings().webhook
    run = runs.get_run(run_id)
    if not address or not run.ended:
        return
    thread = threading.Thread(target=_post, args=(address, webhook_document(run_id)), daemon=True)
    thread.start()
    thread.join(SECONDS)
    if thread.is_alive():
        log.warning("The webhook did not answer within %g seconds", SECONDS)


def webhook_document(run_id: str) -> dict[str, object]:
    """The document that is posted: the run's id, name and state, its data, metrics and, where it failed, why."""
    run = runs.get_run(run_id)
    said = run.model_dump(mode="json", include={"name", "state", "dataset", "version", "metrics", "failure"})
    return {"run": run.id, **said}


def _post(address: str, said: dict[str, object]) -> None:
    # The address may hold a secret: it is not logged.
    body = json.dumps(said, ensure_ascii=False).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            log.info("The webhook answered %d", answer.status)
    except (OSError, ValueError, http.client.HTTPException) as error:
        log.warning("The webhook could not be reached: %s", error)
