"""The tools, prompts and resources that the conformance suite calls by name, on our own server.

They are written to the suite's expectations and do nothing: what they put to the test is what
carries them, `server.app.Server` with its middleware, its refusals and its sealed states.
"""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import Message, UserMessage
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CallToolResult,
    Completion,
    CompletionArgument,
    CompletionContext,
    ContentBlock,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    PromptReference,
    ResourceTemplateReference,
    SamplingMessage,
    TextContent,
    TextResourceContents,
    ToolAnnotations,
)
from pydantic import BaseModel, Field, JsonValue

from server import connect, instance
from server.app import Server
from server.publishing import published
from server.sandboxed import sandboxed
from server.settings import Settings
from tools.desk import Desk
from tools.registry import Work

Call = Context[Desk, Any]

PNG = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154"
        "789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
    )
).decode()
WAV = base64.b64encode(
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\0\0\0\0"
).decode()


class Everything(Server):
    """Where what the suite registers stands in for our own prompts and resources."""

    list_prompts = MCPServer.list_prompts
    get_prompt = MCPServer.get_prompt
    list_resources = MCPServer.list_resources
    list_resource_templates = MCPServer.list_resource_templates
    read_resource = MCPServer.read_resource


def everything() -> Server:
    """The server under test, made as ours are, with the suite's fixtures for a catalogue."""
    settings, seal = sandboxed(Settings()), instance.throwaway_seal()
    works = {function.__name__: _work(function) for function in TOOLS}
    app = Everything(
        [published(work) for work in works.values()],
        lambda: connect.sandbox(settings, seal),
        seal,
        works=lambda tool: works[tool.name],
    )
    app.resource("test://static-text", mime_type="text/plain")(static_text)
    app.resource("test://static-binary", mime_type="image/png")(static_binary)
    app.resource("test://template/{id}/data", mime_type="application/json")(of_template)
    for prompt in PROMPTS:
        app.prompt(description=prompt.__doc__)(prompt)
    app.completion()(completed)
    return app


async def test_simple_text() -> CallToolResult:
    """A text."""
    return _said("This is a simple text response for testing.")


async def test_image_content() -> CallToolResult:
    """An image."""
    return _content(ImageContent(type="image", data=PNG, mime_type="image/png"))


async def test_audio_content() -> CallToolResult:
    """A sound."""
    return _content(AudioContent(type="audio", data=WAV, mime_type="audio/wav"))


async def test_embedded_resource() -> CallToolResult:
    """A resource."""
    uri, text = "test://embedded-resource", "This is an embedded resource content."
    return _content(_embedded(uri, text, "text/plain"))


async def test_multiple_content_types() -> CallToolResult:
    """A text, an image and a resource."""
    return _content(
        TextContent(type="text", text="Multiple content types test:"),
        ImageContent(type="image", data=PNG, mime_type="image/png"),
        _embedded(
            "test://mixed-content-resource", '{"test":"data","value":123}', "application/json"
        ),
    )


async def test_error_handling() -> CallToolResult:
    """An error."""
    raise ToolError("This tool intentionally returns an error for testing")


async def test_logging_tool() -> CallToolResult:
    """A text, and no log that was not asked for."""
    return _said("Nothing is logged through the protocol.")


async def test_tool_with_progress(ctx: Call) -> CallToolResult:
    """Progress, then a text."""
    for progress in (0, 50, 100):
        await ctx.report_progress(progress, 100)
    return _said("Tool with progress executed successfully")


async def test_sampling(prompt: str, ctx: Call) -> CallToolResult:
    """What the client's model answers."""
    answer = await ctx.session.send_request(_sampling(prompt, 100), CreateMessageResult)
    return _said(f"LLM response: {_text(answer)}")


class Account(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field(
        default="active", json_schema_extra={"enum": ["active", "inactive", "pending"]}
    )
    verified: bool = True


def _titled(*values: str) -> list[JsonValue]:
    return [{"const": value, "title": value.title()} for value in values]


class Choices(BaseModel):
    untitledSingle: str = Field(json_schema_extra={"enum": ["a", "b", "c"]})  # noqa: N815
    titledSingle: str = Field(json_schema_extra={"oneOf": _titled("a", "b", "c")})  # noqa: N815
    legacyEnum: str = Field(  # noqa: N815  (the names are the suite's)
        json_schema_extra={"enum": ["a", "b", "c"], "enumNames": ["A", "B", "C"]}
    )
    untitledMulti: list[str] = Field(  # noqa: N815
        json_schema_extra={"items": {"type": "string", "enum": ["a", "b", "c"]}}
    )
    titledMulti: list[str] = Field(  # noqa: N815
        json_schema_extra={"items": {"anyOf": _titled("a", "b", "c")}}
    )


async def test_elicitation(message: str, ctx: Call) -> CallToolResult:
    """What the user answers."""
    return await _elicited(ctx, message, Account)


async def test_elicitation_sep1034_defaults(ctx: Call) -> CallToolResult:
    """What the user leaves as it is."""
    return await _elicited(ctx, "Anything to change?", Defaults)


async def test_elicitation_sep1330_enums(ctx: Call) -> CallToolResult:
    """What the user chooses."""
    return await _elicited(ctx, "What do you choose?", Choices)


async def _elicited(ctx: Call, message: str, form: type[BaseModel]) -> CallToolResult:
    answer = await ctx.elicit(message, form)
    content = answer.data.model_dump_json() if answer.action == "accept" else "{}"
    return _said(f"Elicitation completed: action={answer.action}, content={content}")


# Questions that the newer protocol puts in a result: the call is then made again, with answers.

NAME = "What is your name?"


async def test_input_required_result_elicitation(ctx: Call) -> CallToolResult | InputRequiredResult:
    """A name, asked of the user."""
    name = _filled_in(ctx, "user_name", "name")
    if name is None:
        return _asks({"user_name": _form(NAME, name="string")})
    return _said(f"Hello, {name}!")


async def test_streaming_elicitation(ctx: Call) -> CallToolResult | InputRequiredResult:
    """Likewise."""
    return await test_input_required_result_elicitation(ctx)


async def test_input_required_result_sampling(ctx: Call) -> CallToolResult | InputRequiredResult:
    """An answer, asked of the client's model."""
    match _answer(ctx, "capital_question"):
        case CreateMessageResult() as answer:
            return _said(_text(answer))
        case _:
            return _asks({"capital_question": _sampling("What is the capital of France?", 100)})


async def test_input_required_result_list_roots(ctx: Call) -> CallToolResult | InputRequiredResult:
    """Roots, asked of the client."""
    match _answer(ctx, "client_roots"):
        case ListRootsResult(roots=roots):
            return _said(", ".join(str(root.uri) for root in roots))
        case _:
            return _asks({"client_roots": ListRootsRequest()})


async def test_input_required_result_request_state(
    ctx: Call,
) -> CallToolResult | InputRequiredResult:
    """A state that comes back."""
    if ctx.request_state is None:
        return _asks({"confirm": _form("Please confirm", ok="boolean")}, "asked")
    return _said("state-ok" if ctx.request_state == "asked" else "another state")


async def test_input_required_result_tampered_state(
    ctx: Call,
) -> CallToolResult | InputRequiredResult:
    """A state that comes back as it left, or not at all."""
    return await test_input_required_result_request_state(ctx)


async def test_input_required_result_multiple_inputs(
    ctx: Call,
) -> CallToolResult | InputRequiredResult:
    """Three things, asked at once."""
    if ctx.request_state is not None:
        return _said(", ".join(sorted(ctx.input_responses or {})))
    asked: dict[str, Request] = {
        "user_name": _form(NAME, name="string"),
        "greeting": _sampling("Generate a greeting", 50),
        "client_roots": ListRootsRequest(),
    }
    return _asks(asked, "asked")


async def test_input_required_result_multi_round(ctx: Call) -> CallToolResult | InputRequiredResult:
    """A name, then a colour."""
    if ctx.request_state is None:
        return _asks({"step1": _form(f"Step 1: {NAME}", name="string")}, "{}")
    known: dict[str, str] = json.loads(ctx.request_state)
    if not known:
        asked = {"step2": _form("Step 2: What is your favorite color?", color="string")}
        return _asks(asked, json.dumps({"name": _filled_in(ctx, "step1", "name")}))
    return _said(f"{known['name']} likes {_filled_in(ctx, 'step2', 'color')}.")


async def test_input_required_result_capabilities(
    ctx: Call,
) -> CallToolResult | InputRequiredResult:
    """What the client said it can answer, and nothing else."""
    can, asked = ctx.client_capabilities, dict[str, Request]()
    if can and can.elicitation:
        asked["user_name"] = _form(NAME, name="string")
    if can and can.sampling:
        asked["greeting"] = _sampling("Generate a greeting", 50)
    return _asks(asked)


async def test_missing_capability(ctx: Call) -> CallToolResult:
    """A refusal, for a client that has no model to lend."""
    if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
        needed: JsonValue = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "sampling is needed", needed)
    return _said("sampling is there")


TOOLS: tuple[Callable[..., Awaitable[CallToolResult | InputRequiredResult]], ...] = (
    test_simple_text,
    test_image_content,
    test_audio_content,
    test_embedded_resource,
    test_multiple_content_types,
    test_error_handling,
    test_logging_tool,
    test_tool_with_progress,
    test_sampling,
    test_elicitation,
    test_elicitation_sep1034_defaults,
    test_elicitation_sep1330_enums,
    test_input_required_result_elicitation,
    test_streaming_elicitation,
    test_input_required_result_sampling,
    test_input_required_result_list_roots,
    test_input_required_result_request_state,
    test_input_required_result_tampered_state,
    test_input_required_result_multiple_inputs,
    test_input_required_result_multi_round,
    test_input_required_result_capabilities,
    test_missing_capability,
)


def static_text() -> str:
    """A text."""
    return "This is the content of the static text resource."


def static_binary() -> bytes:
    """An image."""
    return base64.b64decode(PNG)


def of_template(id: str) -> str:  # noqa: A002  (the name is the suite's)
    """What the address asks for."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def test_simple_prompt() -> list[Message]:
    """A text."""
    return [UserMessage("This is a simple prompt for testing.")]


def test_prompt_with_arguments(arg1: str, arg2: str) -> list[Message]:
    """A text with what is given."""
    return [UserMessage(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")]


def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:  # noqa: N803
    """A resource, and a text."""
    text = "Embedded resource content for testing."
    return [
        UserMessage(_embedded(resourceUri, text, "text/plain")),
        UserMessage("Please process the embedded resource above."),
    ]


def test_prompt_with_image() -> list[Message]:
    """An image, and a text."""
    return [
        UserMessage(ImageContent(type="image", data=PNG, mime_type="image/png")),
        UserMessage("Please analyze the image above."),
    ]


async def test_input_required_result_prompt(ctx: Call) -> list[Message] | InputRequiredResult:
    """A text with what the user answers."""
    context = _filled_in(ctx, "user_context", "context")
    if context is None:
        asked = _form("What context should the prompt use?", context="string")
        return _asks({"user_context": asked})
    return [UserMessage(f"The context is {context}.")]


PROMPTS: tuple[Callable[..., Any], ...] = (
    test_simple_prompt,
    test_prompt_with_arguments,
    test_prompt_with_embedded_resource,
    test_prompt_with_image,
    test_input_required_result_prompt,
)


async def completed(
    ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> Completion:
    """What an argument may be."""
    known = ("paris", "park", "party")
    return Completion(values=[word for word in known if word.startswith(argument.value)])


Request = ElicitRequest | CreateMessageRequest | ListRootsRequest


def _work(function: Callable[..., Awaitable[CallToolResult | InputRequiredResult]]) -> Work:
    return Work(function, function.__name__, "covoiturage", ToolAnnotations())


def _asks(asked: Mapping[str, Request], state: str | None = None) -> InputRequiredResult:
    return InputRequiredResult(input_requests={**asked}, request_state=state)


def _form(message: str, **fields: str) -> ElicitRequest:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in fields.items()},
        "required": [*fields],
    }
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sampling(prompt: str, most: int) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    return CreateMessageRequest(
        params=CreateMessageRequestParams(messages=[message], max_tokens=most)
    )


def _answer(ctx: Call, key: str) -> object:
    return (ctx.input_responses or {}).get(key)


def _filled_in(ctx: Call, key: str, field: str) -> object:
    """What the user filled a field in with; None if they did not."""
    match _answer(ctx, key):
        case ElicitResult(action="accept", content=content):
            return (content or {}).get(field)
        case _:
            return None


def _text(answer: CreateMessageResult) -> str:
    return answer.content.text if isinstance(answer.content, TextContent) else ""


def _said(text: str) -> CallToolResult:
    return _content(TextContent(type="text", text=text))


def _content(*blocks: ContentBlock) -> CallToolResult:
    return CallToolResult(content=[*blocks])


def _embedded(uri: str, text: str, kind: str) -> EmbeddedResource:
    return EmbeddedResource(
        type="resource", resource=TextResourceContents(uri=uri, text=text, mime_type=kind)
    )
