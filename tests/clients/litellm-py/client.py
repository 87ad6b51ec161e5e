"""LiteLLM as a client."""

import litellm
import pydantic
import seen

litellm.suppress_debug_info = True  # it prints help on stdout, between our lines


class Pet(pydantic.BaseModel):
    name: str


def ask(job, saw):
    asked = {"model": f"openai/{job['model']}", "messages": [{"role": "user", "content": job["text"]}]}
    asked |= {"api_base": job["base"], "api_key": "none"}
    asked |= {} if job["retries"] is None else {"max_retries": job["retries"]}
    asked |= {"response_format": Pet} if job["structured"] else {}
    if job["stream"]:
        for chunk in litellm.completion(**asked, stream=True):
            for choice in chunk.choices:
                saw.say(choice.delta.content)
                saw.refuse(getattr(choice.delta, "refusal", None))
                saw.end(choice.finish_reason)
        return
    answer = litellm.completion(**asked)
    saw.say(answer.choices[0].message.content)
    saw.refuse(getattr(answer.choices[0].message, "refusal", None))
    saw.end(answer.choices[0].finish_reason)


seen.run(["litellm", "openai"], ask)
