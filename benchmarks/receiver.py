"""A receiver that is fast enough not to matter: nginx over TLS, which answers as the contract says and counts.

Knows nginx's configuration; does not depend on who sends. Needs the packages `nginx` and `libnginx-mod-http-echo` of
Debian or Ubuntu (`apt-get install nginx-light` brings both), and runs as a process of its own, on 127.0.0.1 only.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

PORT: Final = 28443
"""Always the same: what is in a log belongs to one receiver."""
MODULE: Final = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
_FOLDERS: Final = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))

_CONFIG: Final = """
load_module {module};
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    server_tokens off;
    default_type application/json;
    keepalive_requests 10000000;
    keepalive_timeout 300s;
    client_body_buffer_size 256k;
    client_body_in_single_buffer on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $uri:$status:$http_authorization $counts {{
        default 0;
        "/attendances:201:Bearer made-up-token" 1;
    }}
    log_format line escape=none '{line}';
    access_log {folder}/accepted.log line buffer=1m flush=20ms if=$counts;
    server {{
        listen 127.0.0.1:{port} ssl backlog=1024;
        server_name localhost;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.pem;
        location = /oauth/token {{
            return 200 '{{"access_token": "made-up-token", "token_type": "Bearer", "expires_in": 3600}}';
        }}
        location = /attendances {{
            echo_read_request_body;
            {sleep}
            echo_exec @answer;
        }}
        location @answer {{
            return 201 '[{{"submissionRef": "$request_id", "errors": []}}]';
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running receiver."""

    folder: Path

    def forget(self) -> None:
        """Begin to count again."""
        os.truncate(self.folder / "accepted.log", 0)

    def accepted(self, expected: int) -> list[str]:
        """Return one line for each message answered with 201, after waiting for what is `expected`."""
        until = time.monotonic() + 3
        while True:
            lines = (self.folder / "accepted.log").read_text(encoding="utf-8").splitlines()
            if len(lines) >= expected or time.monotonic() > until:
                return lines
            time.sleep(0.01)


def is_there() -> bool:
    """Return whether nginx and the module that it needs are installed."""
    return MODULE.exists() and shutil.which("nginx", path=_FOLDERS) is not None


def make_certificates(folder: Path) -> Path:
    """Make a certificate for localhost in `folder`, and give the file that a client has to trust."""
    authority = trustme.CA()
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return folder / "ca.pem"


@contextmanager
def receiving(folder: Path, *, delay: float = 0.0, bodies: bool = False) -> Iterator[Receiver]:
    """Run a receiver in `folder`, which holds its certificate; each answer takes `delay` seconds.

    With `bodies` it keeps what it received, else only how long it was.
    """
    config = folder / "nginx.conf"
    config.write_text(
        _CONFIG.format(
            module=MODULE,
            folder=folder,
            port=PORT,
            line="$request_body" if bodies else "$request_length",
            sleep=f"echo_sleep {delay};" if delay else "",
        ),
        encoding="utf-8",
    )
    nginx = shutil.which("nginx", path=_FOLDERS) or "nginx"
    process = subprocess.Popen([nginx, "-q", "-e", folder / "error.log", "-p", folder, "-c", config])
    try:
        _wait_for(process)
        yield Receiver(folder)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _wait_for(process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", PORT), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                msg = "nginx does not start; its reason stands above, or in error.log"
                raise SystemExit(msg) from None
            time.sleep(0.01)
        else:
            return
