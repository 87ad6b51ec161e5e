"""LangChain's ChatOpenAI."""

import pydantic
import seen
from langchain_openai import ChatOpenAI


class Pet(pydantic.BaseModel):
    """A pet."""

    name: str


def ask(job, saw):
    retries = {} if job["retries"] is None else {"max_retries": job["retries"]}
    model = ChatOpenAI(
        base_url=job["base"],
        api_key="none",
        model=job["model"],
        use_responses_api=job["surface"] == "responses",
        **retries,
    )
    if job["structured"]:
        structured = model.with_structured_output(Pet)
        answer = list(structured.stream(job["text"]))[-1] if job["stream"] else structured.invoke(job["text"])
        saw.say(answer and answer.model_dump_json())
        return
    for message in model.stream(job["text"]) if job["stream"] else [model.invoke(job["text"])]:
        saw.say(message.text)
        saw.refuse(message.additional_kwargs.get("refusal"))
        for block in message.content if isinstance(message.content, list) else []:
            saw.refuse(block.get("refusal"))
        told = message.response_metadata
        saw.end(told.get("finish_reason") or (told.get("incomplete_details") or {}).get("reason") or told.get("status"))


seen.run(["langchain-openai", "openai"], ask)
