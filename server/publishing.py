"""The catalogue, made from the tools themselves: what `tools/catalogue.json` has to hold.

Nothing that runs needs it: a test does, which holds the file against it or writes it anew.
"""

import json

from mcp.types import Prompt as HostPrompt
from mcp.types import PromptArgument, Resource, ResourceTemplate
from mcp.types import Tool as ListedTool

from server.schemas import closed, plain
from server.views import PLAN
from tools.catalogue import (
    FORMAT,
    SERVICES,
    Catalogue,
    ListedGuide,
    ListedPrompt,
    ListedRecord,
    Tool,
)
from tools.language import Language, Say, speaking
from tools.loading import works
from tools.prompting import Prompt
from tools.prompts import PROMPTS
from tools.registry import Work, registered
from tools.resources import GUIDED, JSON, MARKDOWN, RECORDS, Guide, Record

LANGUAGES: tuple[Language, ...] = ("fr", "en")


def written() -> str:
    """The whole catalogue, as its file holds it."""
    made = FORMAT.dump_python(catalogue(), mode="json", by_alias=True, exclude_defaults=True)
    return f"{json.dumps(made, indent=1, ensure_ascii=False)}\n"


def catalogue() -> Catalogue:
    return Catalogue(
        tools=tuple(
            published(work) for service in (*SERVICES, None) for work in works(service).values()
        ),
        prompts=tuple(map(_prompt, PROMPTS)),
        guides=tuple(ListedGuide(service=each.service, listed=_guide(each)) for each in GUIDED),
        records=tuple(ListedRecord(tool=each.tool, listed=_record(each)) for each in RECORDS),
    )


def published(work: Work) -> Tool:
    """The row of the catalogue of what does this."""
    return Tool(
        listed=_listed(work),
        needs=work.needs,
        rung=work.rung,
        saves=work.saves,
        shares=work.shares,
    )


def _listed(work: Work) -> ListedTool:
    """A tool as hosts see it: closed to unknown arguments, without generated noise."""
    own = registered(work, published=True)
    return ListedTool(
        name=own.name,
        title=own.title,
        description=own.description,
        input_schema=closed(plain(own.parameters)),
        output_schema=own.output_schema and plain(own.output_schema),
        annotations=own.annotations,
        _meta={"ui": {"resourceUri": PLAN}} if work.rung else None,
    )


def _prompt(prompt: Prompt) -> ListedPrompt:
    said: dict[Language, HostPrompt] = {
        language: _prompt_in(speaking(language), prompt) for language in LANGUAGES
    }
    return ListedPrompt(tools=prompt.tools, by_language=said)


def _prompt_in(say: Say, prompt: Prompt) -> HostPrompt:
    return HostPrompt(
        name=prompt.name,
        title=prompt.title.by(say),
        description=prompt.description.by(say),
        arguments=[
            PromptArgument(
                name=each.name,
                description=each.description.by(say),
                required=each.default is None,
            )
            for each in prompt.arguments
        ],
    )


def _guide(guide: Guide) -> Resource:
    return Resource(
        uri=guide.address,
        name=f"{guide.service}_guide",
        title=guide.title,
        description="What it is for, which tools and credentials, what is faulty or withdrawn.",
        mime_type=MARKDOWN,
    )


def _record(record: Record) -> ResourceTemplate:
    return ResourceTemplate(
        uri_template=record.address,
        name=record.tool,
        title=record.title,
        description=record.description,
        mime_type=JSON,
    )
