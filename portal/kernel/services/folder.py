"""The data folder: secrets and ports, each chosen once and kept.

<home>/secrets/<name>   0600, one line
<home>/postgres/        see `postgres.py`
<home>/valkey/          see `valkey.py`
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path


def keep(path: Path, make: Callable[[], str]) -> str:
    """The text kept in `path` (0600), made by `make` the first time, whoever comes first."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(make() + "\n")
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(draft, path)  # fails when another process was first: then its value holds
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()


def secret(home: Path, name: str) -> str:
    """A random secret of 256 bits as 64 hexadecimal digits, made on first use."""
    folder = home / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return keep(folder / name, lambda: secrets.token_hex(32))


def rsa_key(home: Path, name: str) -> str:
    """A private RSA key of 2048 bits as PEM, made on first use."""
    from cryptography.hazmat.primitives import serialization  # late: few processes ever ask
    from cryptography.hazmat.primitives.asymmetric import rsa

    def make() -> str:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return key.private_bytes(serialization.Encoding.PEM, form, plain).decode().strip()

    folder = home / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return keep(folder / name, make)


def public_key(private: str) -> str:
    """The public half of a private key, both PEM."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(private.encode(), password=None)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def password(folder: Path) -> str:
    """The password of the service that lives in `folder`, chosen once."""
    return keep(folder / "password", lambda: secrets.token_hex(24))


def port(folder: Path) -> int:
    """The loopback port of the service that lives in `folder`, chosen once."""
    return int(keep(folder / "port", lambda: str(free_port())))


def move_port(folder: Path) -> int:
    """Choose another port, for when the kept one is taken by a stranger."""
    (folder / "port").unlink(missing_ok=True)
    return port(folder)


def port_is_free(number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A free loopback port below the range from which outgoing connections take theirs."""
    for _ in range(200):
        number = 15000 + secrets.randbelow(15000)
        if port_is_free(number):
            return number
    raise OSError("no free port between 15000 and 30000 on 127.0.0.1")
