"""Requests to an endpoint: sent in parallel within the rate limit, retried where a retry can help, and counted."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from x_instruction.generation.settings import Endpoint
from x_instruction.runner.errors import InputError

LONGEST_WAIT = 60.0  # seconds between two attempts
# The server is busy, overloaded or restarting. Any other 4xx would get the same answer again.
RETRIED_STATUS = (408, 409, 425, 429)


class EndpointClient:
    """The client of `openai`, with retries by tenacity and a rate limit."""

    def __init__(self, settings: Endpoint) -> None:
        import openai

        self.settings = settings
        self.client = openai.OpenAI(
            base_url=settings.url,
            api_key=os.environ.get("ENDPOINT_API_KEY", "none"),
            max_retries=0,
            timeout=settings.timeout_seconds,
        )
        self.pace = Pace(settings.requests_per_minute, settings.tokens_per_minute)
        self.counts = {"requests": 0, "retries": 0, "prompt_tokens": 0, "generated_tokens": 0}
        self._counting = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """A worker process opens connections of its own."""
        return EndpointClient, (self.settings,)

    def complete(self, prompts: list[list[int]] | list[str], **options: Any) -> list[Any]:
        """The choices of one completion request, in the order of the prompts.

        Raises InputError when the endpoint refuses, or fails on every attempt.
        """
        max_tokens = sum(map(len, prompts)) + len(prompts) * options.get("max_tokens", 0)
        answer = self._send(
            lambda: self.client.completions.create(model=self.settings.model or "", prompt=prompts, **options),
            max_tokens,
        )
        return sorted(answer.choices, key=lambda choice: choice.index)

    def chat(self, message: str, **options: Any) -> Any:
        """The choice of one chat request that holds a single user message."""
        messages: Any = [{"role": "user", "content": message}]
        max_tokens = len(message) + options.get("max_tokens", 0)
        answer = self._send(
            lambda: self.client.chat.completions.create(model=self.settings.model or "", messages=messages, **options),
            max_tokens,
        )
        if not answer.choices:
            raise InputError(f"the endpoint {self.settings.url} returned an answer without a choice: fix the endpoint")
        return answer.choices[0]

    def _send(self, request: Any, max_tokens: int) -> Any:
        from openai import APIError
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

        settings = self.settings
        attempts = Retrying(
            retry=retry_if_exception(_retry_helps),
            wait=wait_random_exponential(multiplier=settings.first_wait_seconds, max=LONGEST_WAIT),
            stop=stop_after_attempt(settings.attempts),
            before_sleep=lambda _: self._count(retries=1),
            reraise=True,
        )
        try:
            answer = attempts(lambda: self._once(request, max_tokens))
        except APIError as error:
            why = f"after {settings.attempts} attempts" if _retry_helps(error) else "and a retry would not help"
            message = " ".join(str(error).split())[:200]
            raise InputError(
                f"the endpoint {settings.url} gave no answer {why}: {message}; "
                "finished shards are kept: fix the endpoint, then run again"
            ) from None
        usage = answer.usage
        self._count(
            prompt_tokens=usage.prompt_tokens if usage else 0,
            generated_tokens=(usage.completion_tokens or 0) if usage else 0,
        )
        return answer

    def _once(self, request: Any, max_tokens: int) -> Any:
        self.pace.wait(max_tokens)
        self._count(requests=1)
        return request()

    def _count(self, **more: int) -> None:
        with self._counting:
            for name, number in more.items():
                self.counts[name] += number

    def facts(self) -> dict[str, float | int | str]:
        """Numbers of requests, retries and tokens (as the server counts them), and the cost."""
        settings, counts = self.settings, self.counts
        cost = counts["prompt_tokens"] * settings.prompt_price + counts["generated_tokens"] * settings.generated_price
        return {
            **{f"endpoint_{name}": number for name, number in counts.items()},
            "endpoint_cost": round(cost / 1e6, 4),
        }

    def close(self) -> None:
        self.client.close()


class Pace:
    """A limit of requests and tokens per minute. Each request gets the time at which it may be sent."""

    def __init__(self, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self.requests, self.tokens = requests_per_minute, tokens_per_minute
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, tokens: int) -> None:
        """Sleep until a request of at most `tokens` tokens may be sent."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + self.seconds(tokens)
        time.sleep(start - now)

    def seconds(self, tokens: int) -> float:
        """How long the next request must wait after one of `tokens` tokens."""
        by_requests = 60 / self.requests if self.requests else 0.0
        by_tokens = 60 * tokens / self.tokens if self.tokens else 0.0
        return max(by_requests, by_tokens)


def _retry_helps(error: BaseException) -> bool:
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIStatusError):
        return error.status_code in RETRIED_STATUS or error.status_code >= 500
    return isinstance(error, APIConnectionError)  # includes timeouts
