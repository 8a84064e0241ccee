"""Timestamps, and lines of the log."""
import time


def now() -> str:
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())


def log(text: str) -> None:
    print(f'{time.time():.3f} {text}', flush=True)
