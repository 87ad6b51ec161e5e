"""The table of fields of Anthropic's `POST /v1/messages`.

MESSAGES_FIELDS        its FieldTable
BLOCK                  the place that stands for every content block, also for those inside of others
"""

from __future__ import annotations

from guardproxy.core.conversation import Scope
from guardproxy.wire.field_table import JSON_SCHEMA_NAMES, FieldTable, Treatment, rows

BLOCK = "messages[].content[]"

_NAMES = """
model messages role content type text system max_tokens metadata user_id stop_sequences stream temperature top_p top_k
thinking budget_tokens display tools tool_choice name description input_schema input_examples strict
disable_parallel_tool_use allowed_callers defer_loading eager_input_streaming cache_control ttl service_tier
inference_geo speed container id skills skill_id version diagnostics previous_message_id output_config effort format
schema task_budget total remaining output_format user_profile_id workspace_id context_management edits trigger value
keep clear_at_least exclude_tools clear_tool_inputs betas thread
mcp_servers url authorization_token tool_configuration enabled allowed_tools mcp_server_name default_config configs
max_uses allowed_domains blocked_domains user_location city country region timezone citations max_content_tokens
url_sources client_tool_results server_tool_results user_input max_characters
display_width_px display_height_px display_number enable_zoom
source media_type data file_id title context image document transformations oversized_image tool_use_id tool_use
tool_result input is_error toolset_name caller tool_id signature redacted_thinking search_result server_name
cited_text document_index document_title start_char_index end_char_index start_page_number end_page_number
start_block_index end_block_index search_result_index encrypted_index encrypted_content encrypted_stdout page_age
retrieved_at return_code stdout stderr error_code error_message file_type num_lines start_line total_lines is_file_update lines
new_lines new_start old_lines old_start tool_references tool_name tabs tab_id active state_changes
"""
"""Member names of the published request. Closed, so they carry no message."""

_BLOCK_CONTROLS = (
    "type id tool_use_id cache_control.type cache_control.ttl source.type source.media_type caller.type caller.tool_id "
    "citations[].type toolset_name"
)


def _of_block(names: str) -> str:
    return " ".join(f"{BLOCK}.{name}" for name in names.split())


MESSAGES_FIELDS = FieldTable(
    (
        # Texts with a scope of their own. A block has the scope of its turn, a document or a tool's result
        # `tool_result`.
        *rows(Treatment.TEXT, "system.**", Scope.SYSTEM),
        *rows(
            Treatment.TEXT,
            "tools.** tool_choice.** mcp_servers.** output_config.** output_format.**",
            Scope.TOOL_DEFINITION,
        ),
        *rows(Treatment.TEXT, "stop_sequences.**"),
        *rows(
            Treatment.TEXT,
            _of_block("signature encrypted_content encrypted_index encrypted_stdout"),
            why="not looked at while it is base64 of no text: sealed by the model's maker",
        ),
        # Identifiers.
        *rows(Treatment.IDENTIFIER, "metadata.** user_profile_id workspace_id tools[].user_location.**"),
        *rows(Treatment.IDENTIFIER, "mcp_servers[].authorization_token", why="a key for the upstream's own calls"),
        # Controls: exact names at exact places.
        *rows(Treatment.CONTROL, "model service_tier inference_geo speed cache_control.type cache_control.ttl"),
        *rows(Treatment.CONTROL, "tool_choice.type thinking.type thinking.display output_config.effort"),
        *rows(Treatment.CONTROL, "output_config.format.type output_format.type diagnostics.previous_message_id"),
        *rows(Treatment.CONTROL, "tools[].type tools[].cache_control.type tools[].cache_control.ttl"),
        *rows(Treatment.CONTROL, "tools[].allowed_callers[] tools[].user_location.type mcp_servers[].type"),
        *rows(Treatment.CONTROL, f"messages[].role {_of_block(_BLOCK_CONTROLS)}"),
        # Nothing a text detector could read.
        *rows(Treatment.UNSCANNABLE, _of_block("source.data"), why="unless it is text"),
        *rows(Treatment.UNSCANNABLE, _of_block("data"), why="of `redacted_thinking`; text elsewhere"),
        # Steering and stateful fields: the proxy decides where a request goes, and must see all of the history.
        *rows(Treatment.REFUSED, "api_base base_url api_key organization", why="the upstream comes from the settings"),
        *rows(Treatment.REFUSED, "thread", why="unseen history"),
        *rows(Treatment.REFUSED, "container.id", why="unseen content"),
        *rows(Treatment.REFUSED, _of_block("file_id source.file_id"), why="unseen content"),
    ),
    frozenset(_NAMES.split()) | JSON_SCHEMA_NAMES,
)
