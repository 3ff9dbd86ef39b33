"""Sends requests to an endpoint within the rate limit, repeats failed ones if that can help, and counts attempts."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from x_instruction.generation.settings import Endpoint
from x_instruction.runner.errors import InputError, in_one_line

if TYPE_CHECKING:
    from openai import OpenAI

Read = TypeVar("Read")

LONGEST_WAIT = 60.0  # seconds between two attempts
# 4xx statuses after which the same request may succeed. After any other 4xx status, it would fail again.
RETRIED_STATUS = (408, 409, 425, 429)
QUOTED = 200  # the most characters of the cause that an error shows
# Finish reasons with which a chat may have no text, for example because all tokens were spent on reasoning.
ENDED = ("stop", "length", "content_filter", "tool_calls")
FAILED = ("error", "abort")  # finish reasons with which the text is only a part of the answer
# What Python raises while it reads an answer that is not JSON, or whose fields are missing or of another type.
MALFORMED = (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError)


class UnusableAnswerError(Exception):
    """A response with HTTP status 200 has no complete answer.

    Some routers between a client and a model send such a response if the model's server failed.
    """


class EndpointClient:
    """The client of `openai`, with retries by tenacity and a rate limit."""

    def __init__(self, settings: Endpoint) -> None:
        """Raises InputError if the URL or the key cannot be used."""
        self.settings = settings
        self.client = _connection(settings)
        self.pace = Pace(settings.requests_per_minute, settings.tokens_per_minute)
        self.counts = {"requests": 0, "retries": 0, "prompt_tokens": 0, "generated_tokens": 0}
        self._counting = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles only the settings, so that a worker process opens new connections."""
        return EndpointClient, (self.settings,)

    def complete(
        self, prompts: list[list[int]] | list[str], read: Callable[[Any], Any] | None = None, **options: Any
    ) -> list[Any]:
        """What `read` returns (by default, the choice) for each choice of a completion request, in the prompts' order.

        A request is sent again if `read` does not find what it needs: if it raises UnusableAnswerError or an error in
        MALFORMED. Raises InputError if the endpoint refuses the request, or if no attempt brings a usable answer.
        """
        max_tokens = sum(map(len, prompts)) + len(prompts) * options.get("max_tokens", 0)
        create = self.client.completions.with_raw_response.create

        def choices(answer: Any) -> list[Any]:
            ordered = sorted(answer.choices, key=lambda choice: choice.index)
            if [choice.index for choice in ordered] != list(range(len(prompts))):
                raise UnusableAnswerError
            return [(read or _with_text)(choice) for choice in ordered]

        return self._send(
            lambda: create(model=self.settings.model or "", prompt=prompts, **options), choices, max_tokens
        )

    def chat(self, message: str, read: Callable[[Any], Any] | None = None, **options: Any) -> Any:
        """What `read` returns (by default, the choice) for the choice of a chat request with one user message.

        Retries and errors are as in `complete`.
        """
        messages: Any = [{"role": "user", "content": message}]
        create = self.client.chat.completions.with_raw_response.create

        def chosen(answer: Any) -> Any:
            choice = _with_message(answer.choices[0])
            return read(choice) if read else choice

        return self._send(
            lambda: create(model=self.settings.model or "", messages=messages, **options),
            chosen,
            len(message) + options.get("max_tokens", 0),
        )

    def _send(self, request: Callable[[], Any], read: Callable[[Any], Read], max_tokens: int) -> Read:
        from openai import APIError
        from tenacity import Retrying, retry_if_exception, stop_after_attempt

        settings = self.settings
        attempts = Retrying(
            retry=retry_if_exception(_retry_helps),
            wait=_wait(settings.first_wait_seconds),
            stop=stop_after_attempt(settings.attempts),
            before_sleep=lambda _: self._count(retries=1),
            reraise=True,
        )
        try:
            return attempts(lambda: self._once(request, read, max_tokens))
        except (APIError, UnicodeError, UnusableAnswerError) as error:  # UnicodeError: a host name with an empty part
            why = f"after {settings.attempts} attempts" if _retry_helps(error) else "and a retry would not help"
            message = " ".join(str(error).split())[:QUOTED]
            kind = "usable answer" if isinstance(error, UnusableAnswerError) else "answer"
            raise InputError(
                f"the endpoint {settings.url} gave no {kind} {why}: {message}; "
                "finished shards are kept: fix the endpoint, then run again"
            ) from None

    def _once(self, request: Callable[[], Any], read: Callable[[Any], Read], max_tokens: int) -> Read:
        self.pace.wait(max_tokens)
        self._count(requests=1)
        response = request()
        try:
            answer = response.parse()
            result = read(answer)
        except (*MALFORMED, UnusableAnswerError):
            raise UnusableAnswerError(f"HTTP 200 with {response.text.strip() or 'nothing'}") from None
        # A server may leave out some or all counts.
        usage = getattr(answer, "usage", None)
        self._count(
            prompt_tokens=_number(getattr(usage, "prompt_tokens", None)),
            generated_tokens=_number(getattr(usage, "completion_tokens", None)),
        )
        return result

    def _count(self, **more: int) -> None:
        with self._counting:
            for name, number in more.items():
                self.counts[name] += number

    def facts(self) -> dict[str, float | int | str]:
        """Numbers of requests, retries and tokens, and the cost of the tokens. The server counts the tokens."""
        settings, counts = self.settings, self.counts
        cost = counts["prompt_tokens"] * settings.prompt_price + counts["generated_tokens"] * settings.generated_price
        return {
            **{f"endpoint_{name}": number for name, number in counts.items()},
            "endpoint_cost": round(cost / 1e6, 4),
        }

    def close(self) -> None:
        self.client.close()


class Pace:
    """Limits the requests and the tokens per minute: `wait` delays each request until it may be sent."""

    def __init__(self, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self.requests, self.tokens = requests_per_minute, tokens_per_minute
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, tokens: int) -> None:
        """Sleeps until a request of at most `tokens` tokens may be sent."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + self.seconds(tokens)
        time.sleep(start - now)

    def seconds(self, tokens: int) -> float:
        """Seconds that the next request must wait after a request of `tokens` tokens."""
        by_requests = 60 / self.requests if self.requests else 0.0
        by_tokens = 60 * tokens / self.tokens if self.tokens else 0.0
        return max(by_requests, by_tokens)


def storable(text: str) -> str:
    """The text with "?" in place of each lone surrogate, which JSON may contain, but polars cannot store."""
    return text.encode("utf-8", "replace").decode()


def _connection(settings: Endpoint) -> OpenAI:
    import httpx2
    import openai

    key = os.environ.get("ENDPOINT_API_KEY", "").strip() or "none"
    if not (key.isascii() and key.isprintable()):
        raise InputError(
            "ENDPOINT_API_KEY has a character that a key cannot have, such as ä or a line break: copy the key again"
        )
    try:
        return openai.OpenAI(base_url=settings.url, api_key=key, max_retries=0, timeout=settings.timeout_seconds)
    except (httpx2.InvalidURL, openai.OpenAIError, ValueError) as error:
        raise InputError(f"the endpoint {settings.url} cannot be used ({in_one_line(error)}): fix its `url`") from None


def _number(count: Any) -> int:
    return count if isinstance(count, int) else 0


def _with_text(choice: Any) -> Any:
    """Returns the choice. Raises UnusableAnswerError if it has no text, or if its finish reason is in FAILED."""
    if not isinstance(choice.text, str) or choice.finish_reason in FAILED:
        raise UnusableAnswerError
    return choice


def _with_message(choice: Any) -> Any:
    """Returns the choice of a chat, with a text that can be stored.

    Raises UnusableAnswerError if its finish reason is in FAILED, or if it has no text and the reason is not in ENDED.
    """
    content, reason = choice.message.content, choice.finish_reason
    if reason in FAILED or not (isinstance(content, str) or (content is None and reason in ENDED)):
        raise UnusableAnswerError
    if content:
        choice.message.content = storable(content)
    return choice


def _retry_helps(error: BaseException) -> bool:
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIStatusError):
        return error.status_code in RETRIED_STATUS or error.status_code >= 500
    return isinstance(error, APIConnectionError | UnusableAnswerError)  # APIConnectionError includes timeouts


def _wait(first: float) -> Callable[[Any], float]:
    """A function that returns the seconds to wait before the next attempt.

    The wait is random below a limit that doubles, or Retry-After if that is longer; it is at most LONGEST_WAIT.
    """
    from tenacity import wait_random_exponential

    at_random = wait_random_exponential(multiplier=first, max=LONGEST_WAIT)
    return lambda state: min(LONGEST_WAIT, max(at_random(state), retry_after(state.outcome.exception())))


def retry_after(error: Any) -> float:
    """The seconds in the header Retry-After of a refused request; 0 if there is no such header or if it is a date."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    with suppress(ValueError):
        return max(0.0, float(headers.get("retry-after", 0)))
    return 0.0
