"""The tables of fields: which string leaf of a request is what, a table a surface (wire.md 1.3 to 1.6).

    FIELDS                 chat completions, completions and embeddings, which share their names
    REQUEST_NAMES          the member names of the published request shapes

`python -m guardproxy.wire.fields` prints the tables as `docs/fields.md`.
"""

from __future__ import annotations

import sys

from guardproxy.core.conversation import Scope
from guardproxy.wire.field_table import JSON_SCHEMA_NAMES, FieldTable, Treatment, rows
from guardproxy.wire.messages_fields import MESSAGES_FIELDS
from guardproxy.wire.responses_fields import RESPONSES_FIELDS

_MEANINGS = {
    Treatment.TEXT: "looked at by every rule of its scope",
    Treatment.ARGUMENTS: "JSON in a string: its leaves are text",
    Treatment.IDENTIFIER: "looked at by personal-data rules only",
    Treatment.CONTROL: "not looked at while it is one short word (letters, digits, `._:/-`); anything else is text",
    Treatment.UNSCANNABLE: "no detector can read it; the policy says whether it passes",
    Treatment.REFUSED: "400",
}

# Member names of the published request shapes. Closed, so they carry no message.
_REQUEST = """
model messages role content name type text image_url url detail input_audio data format file filename file_data
file_id refusal audio id tool_calls tool_call_id function arguments function_call custom input tools functions
description parameters strict tool_choice allowed_tools mode grammar definition syntax response_format json_schema
schema prediction stop web_search_options user_location approximate city country region timezone
search_context_size metadata user safety_identifier prompt_cache_key prompt_cache_retention logit_bias n logprobs
top_logprobs modalities voice stream stream_options include_usage include_obfuscation temperature top_p top_k min_p
max_tokens max_completion_tokens presence_penalty frequency_penalty repetition_penalty seed store service_tier
reasoning reasoning_effort reasoning_content effort verbosity parallel_tool_calls thinking budget_tokens
cache_control extra_body guardrails chat_template chat_template_kwargs enable_thinking continue_final_message
add_generation_prompt echo documents prompt suffix best_of prompt_embeds
dimensions encoding_format
"""
REQUEST_NAMES = frozenset(_REQUEST.split())

FIELDS = FieldTable(
    (
        # Texts. Anything not listed is text of scope `user`; listed here are the places with a scope of their own.
        *rows(Treatment.TEXT, "tools.** functions.** tool_choice.** response_format.**", Scope.TOOL_DEFINITION),
        *rows(Treatment.TEXT, "documents.**", Scope.TOOL_RESULT, "retrieved text is indirect"),
        *rows(Treatment.TEXT, "chat_template chat_template_kwargs.**", Scope.SYSTEM),
        *rows(Treatment.TEXT, "prediction.content stop.** web_search_options.**"),
        *rows(Treatment.ARGUMENTS, "messages[].tool_calls[].function.arguments messages[].function_call.arguments"),
        # Identifiers.
        *rows(Treatment.IDENTIFIER, "metadata.** user safety_identifier prompt_cache_key"),
        *rows(Treatment.IDENTIFIER, "web_search_options.user_location.**"),
        # Controls: exact names at exact places.
        *rows(Treatment.CONTROL, "model service_tier reasoning_effort verbosity prompt_cache_retention tool_choice"),
        *rows(Treatment.CONTROL, "modalities[] encoding_format function_call audio.voice audio.format"),
        *rows(
            Treatment.CONTROL, "tool_choice.type tool_choice.allowed_tools.mode response_format.type prediction.type"
        ),
        *rows(Treatment.CONTROL, "tools[].type tool_choice.allowed_tools.tools[].type tools[].custom.format.type"),
        *rows(Treatment.CONTROL, "tools[].custom.format.grammar.syntax web_search_options.search_context_size"),
        *rows(Treatment.CONTROL, "web_search_options.user_location.type reasoning.effort thinking.type"),
        *rows(Treatment.CONTROL, "messages[].role messages[].tool_call_id messages[].content[].type"),
        *rows(Treatment.CONTROL, "messages[].tool_calls[].id messages[].tool_calls[].type"),
        *rows(Treatment.CONTROL, "messages[].content[].image_url.detail messages[].content[].input_audio.format"),
        # Nothing a text detector could read.
        *rows(Treatment.UNSCANNABLE, "messages[].content[].input_audio.data messages[].content[].file.file_data"),
        # Steering and stateful fields: the proxy decides where a request goes, and must see all of the history.
        *rows(Treatment.REFUSED, "api_base base_url api_key organization", why="the upstream comes from the settings"),
        *rows(Treatment.REFUSED, "extra_body.api_base extra_body.base_url extra_body.api_key extra_body.organization"),
        *rows(Treatment.REFUSED, "previous_response_id conversation background", why="unseen history"),
        *rows(Treatment.REFUSED, "messages[].audio.id messages[].content[].file.file_id", why="unseen content"),
        *rows(Treatment.REFUSED, "prompt_embeds", why="a prompt as vectors cannot be read"),
        *rows(Treatment.REFUSED, "moderation", why="for chat completions and responses, which report it"),
    ),
    REQUEST_NAMES | JSON_SCHEMA_NAMES,
)
"""Of chat completions, completions and embeddings."""

TABLES = {
    "chat completions, completions, embeddings": FIELDS,
    "messages (Anthropic)": MESSAGES_FIELDS,
    "responses": RESPONSES_FIELDS,
}


def markdown() -> str:
    """`docs/fields.md`."""
    lines = [
        "# Fields of a request",
        "",
        "Made by `python -m guardproxy.wire.fields > docs/fields.md`; a test compares.",
        "Every string is text of scope `user` unless its place stands here. `[]` is any item, `.**` everything below.",
        f"Member names that are no words of the API or of JSON Schema ({len(FIELDS.names)} known on chat) are text as well.",
        "",
        "| treatment | meaning |",
        "|---|---|",
        *(f"| {treatment} | {meaning} |" for treatment, meaning in _MEANINGS.items()),
        "",
    ]
    for surfaces, table in TABLES.items():
        lines += [
            f"## {surfaces[0].upper()}{surfaces[1:]}",
            "",
            "| place | treatment | scope | why |",
            "|---|---|---|---|",
        ]
        for row in table.rows:
            scope = row.scope if row.treatment is Treatment.TEXT else ""
            lines.append(f"| `{row.place}` | {row.treatment} | {scope} | {row.why} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(markdown())
