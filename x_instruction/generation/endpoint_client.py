"""Requests to an endpoint: as many side by side and as fast as allowed, asked again where that can help, counted."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from x_instruction.generation.settings import Endpoint
from x_instruction.runner.errors import InputError

LONGEST_WAIT = 60.0  # seconds between two attempts
# Busy, overloaded or restarting; any other 4xx will be answered the same again.
PASSING = (408, 409, 425, 429)


class EndpointClient:
    """`openai`'s client behind tenacity's retries and a limit of the rate."""

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

    def complete(self, prompts: list[list[int]] | list[str], **options: Any) -> list[Any]:
        """The choices of one completion request, in the order of the prompts.

        Raises InputError when the endpoint refuses, or fails on every attempt.
        """
        most = sum(map(len, prompts)) + len(prompts) * options.get("max_tokens", 0)
        answer = self._asked(
            lambda: self.client.completions.create(model=self.settings.model or "", prompt=prompts, **options), most
        )
        return sorted(answer.choices, key=lambda choice: choice.index)

    def chat(self, message: str, **options: Any) -> Any:
        """The choice of one chat request with a single message of the user."""
        asked: Any = [{"role": "user", "content": message}]
        most = len(message) + options.get("max_tokens", 0)
        answer = self._asked(
            lambda: self.client.chat.completions.create(model=self.settings.model or "", messages=asked, **options),
            most,
        )
        return answer.choices[0]

    def _asked(self, request: Any, most_tokens: int) -> Any:
        from openai import APIError
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

        own = self.settings
        attempts = Retrying(
            retry=retry_if_exception(_passing),
            wait=wait_random_exponential(multiplier=own.first_wait_seconds, max=LONGEST_WAIT),
            stop=stop_after_attempt(own.attempts),
            before_sleep=lambda _: self._count(retries=1),
            reraise=True,
        )
        try:
            answer = attempts(lambda: self._once(request, most_tokens))
        except APIError as error:
            tried = f"after {own.attempts} attempts" if _passing(error) else "and asking again would not help"
            said = " ".join(str(error).split())[:200]
            raise InputError(
                f"the endpoint {own.url} gave no answer {tried}: {said}; "
                "finished shards are kept: mend it and run again"
            ) from None
        usage = answer.usage
        self._count(
            prompt_tokens=usage.prompt_tokens if usage else 0,
            generated_tokens=(usage.completion_tokens or 0) if usage else 0,
        )
        return answer

    def _once(self, request: Any, most_tokens: int) -> Any:
        self.pace.wait(most_tokens)
        self._count(requests=1)
        return request()

    def _count(self, **more: int) -> None:
        with self._counting:
            for name, number in more.items():
                self.counts[name] += number

    def facts(self) -> dict[str, float | int | str]:
        """Requests, those asked again, tokens as the server counts them, and what they cost."""
        own, counts = self.settings, self.counts
        cost = counts["prompt_tokens"] * own.prompt_price + counts["generated_tokens"] * own.generated_price
        return {
            **{f"endpoint_{name}": number for name, number in counts.items()},
            "endpoint_cost": round(cost / 1e6, 4),
        }

    def close(self) -> None:
        self.client.close()


class Pace:
    """A limit of requests and tokens a minute: every request is given the moment from which it may be sent."""

    def __init__(self, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self.requests, self.tokens = requests_per_minute, tokens_per_minute
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, tokens: int) -> None:
        """Sleep until a request of at most so many tokens may go."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + self.seconds(tokens)
        time.sleep(start - now)

    def seconds(self, tokens: int) -> float:
        """How long after such a request the next may follow."""
        of_request = 60 / self.requests if self.requests else 0.0
        return max(of_request, 60 * tokens / self.tokens if self.tokens else 0.0)


def _passing(error: BaseException) -> bool:
    """Whether asking again can help."""
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIStatusError):
        return error.status_code in PASSING or error.status_code >= 500
    return isinstance(error, APIConnectionError)  # a timeout is one
