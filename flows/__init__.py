"""Order, parameters and concurrency of the stages; the command line."""

import logging
import os

from data.private_files import restrict_new_files
from data.visible import guard_logs
from tasks.service.proxies import spare_loopback

restrict_new_files()  # before anything is written: the store, logs, Prefect's database
guard_logs()  # before anything logs: a run's log goes to terminals, files and Prefect's server

# Read when Prefect and Ray are first imported, hence here. A run from the command line starts a
# private Prefect server, which takes longer than allowed by default on a small machine; nothing
# is told to anybody about anybody's runs.
for _name, _value in {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "RAY_USAGE_STATS_ENABLED": "0",
}.items():
    os.environ.setdefault(_name, _value)

os.environ.update(spare_loopback(os.environ))
# At the level of our own loggers it would write a line for every request to Prefect's server.
logging.getLogger("httpx").setLevel(logging.WARNING)
