"""Whether a server answers at all: asked before a library that would try for minutes."""

from __future__ import annotations

import ssl
import threading
import urllib.error
import urllib.request

REACH_SECONDS = 5.0


def reachable(url: str, *, seconds: float = REACH_SECONDS) -> bool:
    """Whether anything answers at this address; proxies of the environment are used.

    An error is an answer, too, and so is a certificate that Python does not trust: others may.
    """
    answered = threading.Event()

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            urllib.request.urlopen(request, timeout=seconds).close()
        except urllib.error.HTTPError:
            pass
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ssl.SSLError):
                return
        except (OSError, ValueError):
            return
        answered.set()

    # a thread, since looking a name up knows no time limit
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()
