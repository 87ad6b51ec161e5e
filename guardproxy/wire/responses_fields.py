"""The table of fields of `POST /v1/responses` (wire.md 1.3 to 1.7): which string leaf of a request is what.

RESPONSES_FIELDS       the table
RESPONSES_NAMES        the member names of the published request shape
"""

from __future__ import annotations

from guardproxy.core.conversation import Scope
from guardproxy.wire.field_table import JSON_SCHEMA_NAMES, FieldTable, Treatment, rows

# Member names of the published request shape (openai 3.57.0) and of servers that speak it. They carry no message.
_REQUEST = """
access_programs acknowledged_safety_checks action actions allowed_callers allowed_domains allowed_tools always
annotations approval_request_id approve arguments async attributes authorization background background_options button
bytes call_id caller caller_id categories city code command commands compact_threshold comparison_response_id
completion_window complexity connector_id container container_id content context context_compression
context_management continuation_id conversation country created_by cyber data defer_loading definition description
detail diff display_height display_width domain domain_secrets effort embedding_weight encrypted_content end_index env
environment error execution exit_code external_web_access file_data file_id file_ids file_url filename filters
fingerprint format frame_count frame_duration_ms generate_summary headers hybrid_search id image image_url include
include_obfuscation include_usage index input input_audio input_fidelity input_image_mask input_schema input_tokens
instructions key keys logprob logprobs logs max_num_results max_output_length max_output_tokens max_tool_calls
media_type memory_limit message metadata mode model moderation moderation_details moderation_stage name namespace
network_policy never operation outcome output output_compression output_format output_schema output_tokens outputs
parallel_tool_calls param parameters partial_images path pattern pending_safety_checks phase policy
previous_response_id prewarm prompt prompt_cache_breakpoint prompt_cache_key prompt_cache_options
prompt_cache_retention quality queries query ranker ranking_options read_only reason reasoning reasoning_tokens
refusal region require_approval result results revised_prompt role safety_identifier schema score score_threshold
scroll_x scroll_y search_content_types search_context_size server_description server_label server_url service_tier
size skill_id skills source sources start_index status stderr stdout store stream stream_options strict summary svg
svg_usage syntax temperature text text_weight timeout_ms timezone title token tool_choice tool_names tools
top_logprobs top_p total_tokens truncation ttl tunnel_id type url user user_location value variables vector_store_ids
verbosity version working_directory x y
extra_body guardrails chat_template chat_template_kwargs enable_thinking top_k min_p seed stop presence_penalty
frequency_penalty repetition_penalty logit_bias max_tokens n
"""
RESPONSES_NAMES = frozenset(_REQUEST.split())

_UNSEEN = "the proxy cannot see what it stands for; send the conversation itself in `input`"
_NO_FILE = "a file that the proxy cannot see; send its text as `input_text`"
_SEALED = "nobody can read it; leave it out, and `reasoning.encrypted_content` out of `include`"

RESPONSES_FIELDS = FieldTable(
    (
        # Texts. Anything not listed is text of scope `user`, inside an item of the item's own scope.
        *rows(Treatment.TEXT, "tools.** tool_choice.** text.format.**", Scope.TOOL_DEFINITION),
        *rows(Treatment.TEXT, "input[].tools.**", Scope.TOOL_DEFINITION),
        *rows(Treatment.TEXT, "instructions chat_template chat_template_kwargs.**", Scope.SYSTEM),
        *rows(
            Treatment.TEXT,
            "input[].results.** input[].outputs.** input[].output.** input[].error.** input[].result",
            Scope.TOOL_RESULT,
            "retrieved text is indirect",
        ),
        *rows(Treatment.ARGUMENTS, "input[].arguments"),
        # Identifiers.
        *rows(Treatment.IDENTIFIER, "metadata.** user safety_identifier prompt_cache_key"),
        *rows(Treatment.IDENTIFIER, "tools[].user_location.** input[].action.user"),
        # Controls: exact names at exact places.
        *rows(Treatment.CONTROL, "model service_tier prompt_cache_retention tool_choice truncation include[]"),
        *rows(Treatment.CONTROL, "reasoning.effort reasoning.summary reasoning.generate_summary reasoning.mode"),
        *rows(Treatment.CONTROL, "reasoning.context text.verbosity text.format.type prompt.version"),
        *rows(Treatment.CONTROL, "prompt_cache_options.mode prompt_cache_options.ttl access_programs.cyber"),
        *rows(Treatment.CONTROL, "context_management[].type image.context_compression"),
        *rows(Treatment.CONTROL, "tool_choice.type tool_choice.mode tool_choice.tools[].type"),
        *rows(Treatment.CONTROL, "tools[].type tools[].format.type tools[].format.syntax tools[].tools[].type"),
        *rows(Treatment.CONTROL, "tools[].search_context_size tools[].container.type tools[].environment.type"),
        *rows(Treatment.CONTROL, "tools[].allowed_callers[] tools[].require_approval tools[].connector_id"),
        *rows(Treatment.CONTROL, "tools[].quality tools[].size tools[].output_format tools[].model tools[].execution"),
        *rows(Treatment.CONTROL, "tools[].vector_store_ids[] tools[].ranking_options.ranker tools[].filters.type"),
        *rows(Treatment.CONTROL, "tools[].user_location.type tools[].tools[].format.type"),
        *rows(Treatment.CONTROL, "input[].type input[].role input[].id input[].call_id input[].status input[].phase"),
        *rows(Treatment.CONTROL, "input[].caller.type input[].caller.caller_id input[].execution"),
        *rows(Treatment.CONTROL, "input[].container_id input[].approval_request_id input[].environment.type"),
        *rows(Treatment.CONTROL, "input[].action.type input[].action.button input[].actions[].type"),
        *rows(Treatment.CONTROL, "input[].actions[].button input[].operation.type input[].tools[].type"),
        *rows(
            Treatment.CONTROL, "input[].content[].type input[].content[].detail input[].content[].input_audio.format"
        ),
        *rows(Treatment.CONTROL, "input[].content[].annotations[].type input[].content[].annotations[].file_id"),
        *rows(Treatment.CONTROL, "input[].content[].prompt_cache_breakpoint.mode input[].summary[].type"),
        *rows(Treatment.CONTROL, "input[].output.type input[].output[].type input[].output[].detail"),
        *rows(Treatment.CONTROL, "input[].output[].outcome.type input[].outputs[].type input[].results[].file_id"),
        *rows(Treatment.CONTROL, "input[].reasoning.effort input[].text.format.type input[].error.type"),
        *rows(Treatment.CONTROL, "input[].pending_safety_checks[].id input[].acknowledged_safety_checks[].id"),
        *rows(Treatment.CONTROL, "input[].output_format input[].quality input[].size input[].background"),
        # Nothing a text detector could read.
        *rows(Treatment.UNSCANNABLE, "input[].content[].input_audio.data input[].content[].file_data"),
        *rows(Treatment.UNSCANNABLE, "input[].output[].file_data tools[].environment.skills[].source.data"),
        # Steering and stateful fields: the proxy decides where a request goes, and must see all of the history.
        *rows(Treatment.REFUSED, "api_base base_url api_key organization", why="the upstream comes from the settings"),
        *rows(Treatment.REFUSED, "previous_response_id conversation prompt.id", why=_UNSEEN),
        *rows(Treatment.REFUSED, "background", why="the answer would be fetched on a path that is not served"),
        *rows(
            Treatment.REFUSED, "input[].content[].file_id input[].output[].file_id input[].output.file_id", why=_NO_FILE
        ),
        *rows(Treatment.REFUSED, "tools[].container.file_ids[]", why=_NO_FILE),
        *rows(Treatment.REFUSED, "tools[].environment.file_ids[] tools[].input_image_mask.file_id", why=_NO_FILE),
        *rows(Treatment.REFUSED, "tools[].environment.skills[].skill_id", why=_NO_FILE),
        *rows(Treatment.REFUSED, "input[].encrypted_content", why=_SEALED),
        *rows(Treatment.REFUSED, "prompt_cache_options.comparison_response_id", why=_UNSEEN),
    ),
    RESPONSES_NAMES | JSON_SCHEMA_NAMES,
)
"""Of `POST /v1/responses`."""
