"""Why the model could not be asked: errors of the API and of the way to it, as one sentence.

UserError
├── UnusableError    2   the key, the model or the request; the same again fails again
└── UnreachedError   75  the network, or too many requests; the same again may go well
"""

from typing import ClassVar

import anthropic
import httpx2

from drivetrain.errors import UserError
from drivetrain.text import plain, quote

KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
IN_STREAM = {"overloaded_error": 529, "rate_limit_error": 429, "authentication_error": 401}
"""What an error would have as its status, had the stream not begun well; else 500."""
TOO_LONG = ("prompt is too long", "context window", "context limit")
FAULTS = (anthropic.AnthropicError, httpx2.HTTPError, httpx2.StreamError)
"""What asking the model can raise."""


class UnusableError(UserError):
    """The model cannot be asked this way."""


class UnreachedError(UserError):
    """The model could not be reached, or not to the end of its reply."""

    exit_code: ClassVar[int] = 75


def require_key(client: anthropic.Anthropic) -> None:
    """Passes where there is something to sign in with; its worth is only known when asked.

    Raises:
        UnusableError: there is nothing.
    """
    if client.api_key or client.auth_token or client.credentials:
        return
    raise UnusableError(
        f"There is no key for the Messages API; it is read from `{KEYS[0]}`. "
        f"Try `export {KEYS[0]}=…`, or use `bin/train status` without an agent."
    )


def fault_of(error: Exception, client: anthropic.Anthropic, model: str) -> UserError:
    """The sentence for the person."""
    place = quote(str(client.base_url), 100)
    match error:
        case anthropic.APIStatusError():
            return _of_status(error, place, model)
        case anthropic.APITimeoutError() | httpx2.TimeoutException():
            return UnreachedError(f"{place} did not answer in time. Try the same again.")
        case anthropic.APIConnectionError():
            return UnreachedError(
                f"{place} cannot be reached. Check the network and `ANTHROPIC_BASE_URL`, then "
                "try the same again."
            )
        case anthropic.CredentialsError():
            return UnusableError(f"{plain(str(error))} Try `export {KEYS[0]}=…`.")
        case _:
            return UnreachedError(
                f"The connection to {place} broke within a reply; none of its calls was done. "
                "Try the same again."
            )


def _of_status(error: anthropic.APIStatusError, place: str, model: str) -> UserError:
    said = plain(_message(error))
    status = error.status_code
    match IN_STREAM.get(str(error.type), 500) if status < 400 else status:
        case 401 | 403:
            return UnusableError(
                f"{place} does not accept the key ({status}: {said}). "
                f"Try `export {KEYS[0]}=…` with a valid one."
            )
        case 404:
            return UnusableError(
                f"{place} has no model {quote(model)} ({said}). Try another one by `--model`."
            )
        case 429:
            return UnreachedError(
                f"{place} takes no more requests for now (429: {said}).{_later(error)} "
                "Try the same again then."
            )
        case number if number >= 500:
            return UnreachedError(
                f"{place} is overloaded or out of order ({number}: {said}). "
                "Try the same again in a few minutes."
            )
        case number:
            return _of_request(number, said, place)


def _of_request(status: int, said: str, place: str) -> UserError:
    if status == 413 or any(words in said.lower() for words in TOO_LONG):
        return UnusableError(
            f"The conversation became too long for the model ({said}). Try a smaller task; "
            "what was done stands in the transcript."
        )
    return UnusableError(f"{place} refused the request ({status}: {said}). Try `--model`.")


def _later(error: anthropic.APIStatusError) -> str:
    wait = error.response.headers.get("retry-after", "")
    return f" It asks to wait {wait} s." if wait.isdecimal() else ""


def _message(error: anthropic.APIStatusError) -> str:
    """The API's own words, without their wrapping."""
    body = error.body
    inner = body.get("error") if isinstance(body, dict) else None
    told = inner.get("message") if isinstance(inner, dict) else None
    return str(told or error.message)
