"""LlamaIndex's OpenAILike."""

import pydantic
import seen
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike


class Pet(pydantic.BaseModel):
    """A pet."""

    name: str


def ask(job, saw):
    retries = {} if job["retries"] is None else {"max_retries": job["retries"]}
    model = OpenAILike(
        model=job["model"],
        api_base=job["base"],
        api_key="none",
        is_chat_model=True,
        should_use_structured_outputs=True,
        **retries,
    )
    messages = [ChatMessage(role="user", content=job["text"])]
    if job["structured"]:
        saw.say(model.as_structured_llm(Pet).chat(messages).raw.model_dump_json())
        return
    if job["stream"]:
        for piece in model.stream_chat(messages):
            saw.say(piece.delta)
            for choice in piece.raw.choices:
                saw.refuse(choice.delta.refusal)
                saw.end(choice.finish_reason)
        return
    answer = model.chat(messages)
    saw.say(answer.message.content)
    saw.refuse(answer.raw.choices[0].message.refusal)
    saw.end(answer.raw.choices[0].finish_reason)


seen.run(["llama-index-llms-openai-like", "openai"], ask)
