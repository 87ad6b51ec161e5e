"""Anthropic's Python client."""

import anthropic
import seen


def ask(job, saw):
    retries = {} if job["retries"] is None else {"max_retries": job["retries"]}
    asked = {"model": job["model"], "max_tokens": 200, "messages": [{"role": "user", "content": job["text"]}]}
    # The SDK adds /v1 itself.
    with anthropic.Anthropic(base_url=job["base"].removesuffix("/v1"), api_key="none", **retries) as client:
        if not job["stream"]:
            answer = client.messages.create(**asked)
            saw.say("".join(block.text for block in answer.content if block.type == "text"))
            saw.end(answer.stop_reason)
            return
        with client.messages.stream(**asked) as stream:
            for piece in stream.text_stream:
                saw.say(piece)
            saw.end(stream.get_final_message().stop_reason)


seen.run(["anthropic"], ask)
