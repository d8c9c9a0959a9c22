"""What the model does in tests: one turn after the other, by what was answered so far."""

from collections.abc import Callable

from tests.clients.messages_api import Answer, Asked, Cut, Refuse, Rule, Say, Use

Turn = Answer | Callable[[Asked], Answer]


def in_turn(*turns: Turn) -> Rule:
    """A model that takes these turns, and says "Done." after the last."""

    def rule(asked: Asked) -> Answer | None:
        number = sum(message["role"] == "assistant" for message in asked.body["messages"])
        if not asked.tools or number >= len(turns):
            return None
        turn = turns[number]
        return turn if isinstance(turn, Say | Refuse | Cut) else turn(asked)

    return rule


def use(tool: str, **arguments: object) -> Say:
    """A turn that calls one tool."""
    return Say(Use(tool, arguments))
