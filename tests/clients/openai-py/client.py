"""OpenAI's Python client: chat completions and responses."""

import openai
import pydantic
import seen


class Pet(pydantic.BaseModel):
    name: str


def chat(client, job, saw):
    asked = {"model": job["model"], "messages": [{"role": "user", "content": job["text"]}]}
    if job["structured"]:
        if job["stream"]:
            with client.chat.completions.stream(**asked, response_format=Pet) as stream:
                answer = stream.get_final_completion()
        else:
            answer = client.chat.completions.parse(**asked, response_format=Pet)
        saw.say(answer.choices[0].message.parsed and answer.choices[0].message.parsed.model_dump_json())
    elif job["stream"]:
        for chunk in client.chat.completions.create(**asked, stream=True):
            for choice in chunk.choices:
                saw.say(choice.delta.content)
                saw.refuse(choice.delta.refusal)
                saw.end(choice.finish_reason)
        return
    else:
        answer = client.chat.completions.create(**asked)
        saw.say(answer.choices[0].message.content)
    saw.refuse(answer.choices[0].message.refusal)
    saw.end(answer.choices[0].finish_reason)


def responses(client, job, saw):
    asked = {"model": job["model"], "input": job["text"]}
    if job["structured"]:
        if job["stream"]:
            with client.responses.stream(**asked, text_format=Pet) as stream:
                answer = stream.get_final_response()
        else:
            answer = client.responses.parse(**asked, text_format=Pet)
        saw.say(answer.output_parsed and answer.output_parsed.model_dump_json())
    elif job["stream"]:
        answer = None
        for event in client.responses.create(**asked, stream=True):
            if event.type == "response.output_text.delta":
                saw.say(event.delta)
            if event.type in ("response.completed", "response.incomplete", "response.failed"):
                answer = event.response
        if answer is None:
            return
    else:
        answer = client.responses.create(**asked)
        saw.say(answer.output_text)
    for item in answer.output:
        for part in item.content if item.type == "message" else []:
            saw.refuse(part.refusal if part.type == "refusal" else None)
    why = answer.incomplete_details or answer.error
    saw.end("/".join(filter(None, [answer.status, why and (getattr(why, "reason", None) or why.code)])))


def ask(job, saw):
    retries = {} if job["retries"] is None else {"max_retries": job["retries"]}
    with openai.OpenAI(base_url=job["base"], api_key="none", **retries) as client:
        (responses if job["surface"] == "responses" else chat)(client, job, saw)


seen.run(["openai"], ask)
