"""The scripted Messages API behaves to a real client as the real one does."""

import socket
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import anthropic
import httpx2
import pytest
from anthropic.types import Message, MessageParam, ToolParam, ToolResultBlockParam

from tests.clients.messages_api import Answer, Asked, Cut, MessagesAPI, Refuse, Rule, Say, Use

STATUS: ToolParam = {"name": "status", "input_schema": {"type": "object"}}
HELLO: MessageParam = {"role": "user", "content": "Hello"}
DEEP = {"run": "가" * 30, "n": [1, 2.5, None]}


def client(api: MessagesAPI, retries: int = 0) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=api.url, api_key="fake", max_retries=retries)


def whole(
    model: anthropic.Anthropic,
    messages: Sequence[MessageParam] = (HELLO,),
    tools: Sequence[ToolParam] = (STATUS,),
) -> Message:
    return model.messages.create(model="m", max_tokens=9, messages=messages, tools=tools)


def streamed(
    model: anthropic.Anthropic, messages: Sequence[MessageParam] = (HELLO,)
) -> Message:
    with model.messages.stream(
        model="m", max_tokens=9, messages=messages, tools=[STATUS]
    ) as stream:
        return stream.get_final_message()


def always(answer: Answer) -> Rule:
    return lambda _asked: answer


def use_once(asked: Asked) -> Answer:
    if not asked.results:
        return Say("I look.", Use("status", DEEP))
    return Say(f"It said: {asked.results[-1].text}")


@pytest.mark.parametrize("turn", [whole, streamed])
def test_a_tool_is_asked_for_and_its_answer_reaches_the_rule(
    turn: Callable[..., Message],
) -> None:
    with MessagesAPI(use_once) as api, client(api) as model:
        first = turn(model)
        text, use = first.content
        assert first.stop_reason == "tool_use"
        assert text.type == "text"
        assert use.type == "tool_use"
        assert use.input == DEEP
        result: ToolResultBlockParam = {
            "type": "tool_result",
            "tool_use_id": use.id,
            "content": "no runs",
        }
        second = turn(
            model,
            (
                HELLO,
                {"role": "assistant", "content": first.content},
                {"role": "user", "content": [result]},
            ),
        )
    assert second.content[0].type == "text"
    assert second.content[0].text == "It said: no runs"
    assert [asked.tools for asked in api.asked] == [("status",)] * 2
    assert api.asked[1].results[0].tool == "status"
    assert "no runs" in api.asked[1].text


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, anthropic.AuthenticationError),
        (429, anthropic.RateLimitError),
        (529, anthropic.InternalServerError),
    ],
)
def test_an_error_arrives_as_the_error_it_is(
    status: int, error: type[anthropic.APIStatusError]
) -> None:
    refusing = MessagesAPI(always(Refuse(status)))
    with refusing as api, client(api) as model, pytest.raises(error) as met:
        whole(model)
    assert met.value.status_code == status


def test_a_client_that_tries_again_is_known_by_its_count() -> None:
    def busy_at_first(asked: Asked) -> Answer | None:
        return Refuse(529, headers={"retry-after-ms": "1"}) if asked.retry == 0 else None

    with MessagesAPI(busy_at_first) as api, client(api, retries=1) as model:
        assert whole(model).stop_reason == "end_turn"
    assert [asked.retry for asked in api.asked] == [0, 1]


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_stream_that_is_cut_is_no_whole_message(after: int) -> None:
    cutting = MessagesAPI(always(Cut(Say("A long enough answer, in pieces."), after=after)))
    with cutting as api, client(api) as model, pytest.raises(httpx2.RemoteProtocolError):
        streamed(model)


def test_a_stream_can_tell_an_error_half_way() -> None:
    cut = Cut(Say("A long enough answer."), after=4, error="overloaded_error")
    refused = pytest.raises(anthropic.APIStatusError, match="overloaded_error")
    with MessagesAPI(always(cut)) as api, client(api) as model, refused:
        streamed(model)


def test_an_answer_that_does_not_stream_can_be_cut_too() -> None:
    cutting = MessagesAPI(always(Cut(Say("Half."))))
    with cutting as api, client(api) as model, pytest.raises(anthropic.APIConnectionError):
        whole(model)


UNION: ToolParam = {"name": "bad", "input_schema": {"type": "object", "oneOf": []}}
LONELY: MessageParam = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}],
}


@pytest.mark.parametrize(
    ("message", "tools"), [(HELLO, [UNION]), (HELLO, [STATUS, STATUS]), (LONELY, [])]
)
def test_what_the_real_one_refuses_is_refused_before_any_rule(
    message: MessageParam, tools: list[ToolParam]
) -> None:
    refused = pytest.raises(anthropic.BadRequestError)
    with MessagesAPI(always(Say("Never."))) as api, client(api) as model, refused:
        whole(model, [message], tools)


def ask_a_broken_rule() -> None:
    def broken(_asked: Asked) -> Answer | None:
        raise LookupError("a bug in the rule")

    refused = pytest.raises(anthropic.InternalServerError)
    with MessagesAPI(broken) as api, client(api) as model, refused:
        whole(model)


def test_a_rule_that_fails_fails_the_test() -> None:
    with pytest.raises(LookupError, match="a bug in the rule"):
        ask_a_broken_rule()


def test_a_connection_that_says_nothing_does_not_keep_the_server() -> None:
    with MessagesAPI() as api:
        where = urlsplit(api.url)
        silent = socket.create_connection((where.hostname, where.port))
        with client(api) as model:
            whole(model)
    with silent:
        assert silent.recv(1) == b""
