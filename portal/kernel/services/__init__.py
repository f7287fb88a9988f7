"""PostgreSQL and Valkey on this machine, for who has no servers of their own.

Both listen on 127.0.0.1 only, behind a random password, run as an unprivileged user when we
are root, and end when the thread that started them ends.
"""

from portal.kernel.services.postgres import start_postgres
from portal.kernel.services.process import Running, ServiceError
from portal.kernel.services.valkey import start_valkey

__all__ = ["Running", "ServiceError", "start_postgres", "start_valkey"]
