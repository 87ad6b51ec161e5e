"""Pydantic AI's agent with its OpenAI models."""

import asyncio

import openai
import pydantic
import seen
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider


class Pet(pydantic.BaseModel):
    """A pet."""

    name: str


async def ask_async(job, saw):
    retries = {} if job["retries"] is None else {"max_retries": job["retries"]}
    async with openai.AsyncOpenAI(base_url=job["base"], api_key="none", **retries) as client:
        kind = OpenAIResponsesModel if job["surface"] == "responses" else OpenAIChatModel
        model = kind(job["model"], provider=OpenAIProvider(openai_client=client))
        agent = Agent(model, output_type=NativeOutput(Pet) if job["structured"] else str)
        if job["structured"] and job["stream"]:
            async with agent.run_stream(job["text"]) as stream:
                saw.say((await stream.get_output()).model_dump_json())
        elif job["stream"]:
            async with agent.run_stream(job["text"]) as stream:
                # By default pieces are gathered for 0.1 s, and an error throws away what was gathered.
                async for piece in stream.stream_text(delta=True, debounce_by=None):
                    saw.say(piece)
                saw.end(stream.response.finish_reason)
        else:
            answer = await agent.run(job["text"])
            saw.say(answer.output.model_dump_json() if job["structured"] else answer.output)
            saw.end(answer.response.finish_reason)


def ask(job, saw):
    asyncio.run(ask_async(job, saw))


seen.run(["pydantic-ai-slim", "openai"], ask)
