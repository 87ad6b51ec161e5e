"""Anthropic's content blocks → texts, with every shape error named by its place.

    BlockReader(own: Scope).read(content, path) -> None     raises errors.BadRequest
      .said          the texts of a turn proper
      .results       texts of tools and documents: indirect
      .beside        all other texts, by scope: what calls are given, thoughts, titles, unknown fields
      .unscannable   what no detector can read

Goes by the names of members, whatever the block's type says: some servers do. A kind of block that is not known is
refused, for nobody could say where its text stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from guardproxy.core.conversation import Part, Pointer, Scope, Step, Unscannable
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Tree, place_name
from guardproxy.wire.chat_messages import inner_strings
from guardproxy.wire.data_url import is_data_url, text_of_data_url
from guardproxy.wire.field_table import Treatment
from guardproxy.wire.messages_fields import BLOCK, MESSAGES_FIELDS
from guardproxy.wire.request import unsupported, wrong_type
from guardproxy.wire.sealed import is_sealed

Path = tuple[Step, ...]

_INDIRECT = """
document search_result tool_result web_search_tool_result web_fetch_tool_result code_execution_tool_result
bash_code_execution_tool_result text_editor_code_execution_tool_result tool_search_tool_result mcp_tool_result
"""
"""What comes from elsewhere: whatever stands inside was said by no one who talks here."""
_INSIDE = """
text image document search_result tool_reference browser_state
web_search_result web_search_tool_result_error web_fetch_result web_fetch_tool_result_error
code_execution_result encrypted_code_execution_result code_execution_tool_result_error code_execution_output
bash_code_execution_result bash_code_execution_output bash_code_execution_tool_result_error
text_editor_code_execution_view_result text_editor_code_execution_create_result
text_editor_code_execution_str_replace_result text_editor_code_execution_tool_result_error
tool_search_tool_search_result tool_search_tool_result_error
"""
INDIRECT = frozenset(_INDIRECT.split())
CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
KINDS = INDIRECT | CALLS | {"text", "image", "thinking", "redacted_thinking", "container_upload", "compaction"}
KINDS_INSIDE = frozenset(_INSIDE.split())
_SOURCES = frozenset({"base64", "text", "content", "url", "file"})
_MUST_HAVE: dict[str, tuple[tuple[str, type, str], ...]] = {
    "text": (("text", str, "a string"),),
    "thinking": (("thinking", str, "a string"),),
    "image": (("source", dict, "an object"),),
    "document": (("source", dict, "an object"),),
    "search_result": (("content", list, "a list of text blocks"),),
    **dict.fromkeys(CALLS, (("input", dict, "an object"), ("name", str, "a string"))),
}
_SEALED = frozenset({"signature", "encrypted_content", "encrypted_index", "encrypted_stdout"})
_OUTPUT_FILES = frozenset({"code_execution_output", "bash_code_execution_output"})
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
LONGEST_NAME = 128


@dataclass(slots=True)
class BlockReader:
    """Reads the content of one turn; `own` is the scope of who speaks."""

    own: Scope
    said: list[Part] = field(default_factory=list)
    results: list[Part] = field(default_factory=list)
    beside: dict[Scope, list[Part]] = field(default_factory=dict)
    unscannable: list[Unscannable] = field(default_factory=list)

    def read(self, content: Any, path: Path) -> None:
        """A text or a list of blocks."""
        if not isinstance(content, str | list):
            raise wrong_type(path, "a string or a list of content blocks")
        self._content(content, path, self.own, KINDS)

    def beside_of(self, value: Any, path: Path, place: str, scope: Scope) -> None:
        """Everything textual at or below a value, by the table."""
        for leaf in MESSAGES_FIELDS.leaves(value, path, place):
            treatment = leaf.field.treatment
            if treatment is Treatment.REFUSED:
                raise unsupported(leaf.path, leaf.field.why)
            if treatment not in {Treatment.CONTROL, Treatment.UNSCANNABLE}:
                identifier = treatment is Treatment.IDENTIFIER
                self._note(scope, Part(leaf.text, Pointer(leaf.path, key=leaf.key), identifier=identifier))

    def _note(self, scope: Scope, part: Part) -> None:
        if part.text:
            self.beside.setdefault(scope, []).append(part)

    def _say(self, scope: Scope, part: Part) -> None:
        if part.text:
            (self.results if scope is Scope.TOOL_RESULT else self.said).append(part)

    def _content(self, content: Any, path: Path, scope: Scope, kinds: frozenset[str]) -> None:
        """What stands in a member `content`: a text, a block, or a list of blocks."""
        if isinstance(content, str):
            self._say(scope, Part(content, Pointer(path)))
        elif isinstance(content, dict):
            self._block(content, path, scope, kinds)
        elif isinstance(content, list):
            for at, block in enumerate(content):
                self._block(block, (*path, at), scope, kinds)
        elif content is not None:
            raise wrong_type(path, "a string or a list of content blocks")

    def _block(self, block: Any, path: Path, scope: Scope, kinds: frozenset[str]) -> None:
        if not isinstance(block, dict):
            raise wrong_type(path, "an object with a type")
        kind = block.get("type")
        if not isinstance(kind, str) or kind not in kinds:
            place = place_name(path)
            raise BadRequest(f"{place} has an unsupported type", code="unsupported_content_part", param=place)
        _check_shape(block, kind, path)
        if kind == "redacted_thinking":
            self.unscannable.append(Unscannable("redacted_thinking", Pointer(path), scope))
        scope = Scope.TOOL_RESULT if kind in INDIRECT else scope
        for name, member in block.items():
            self._member(name, member, (*path, name), scope, kind)

    def _member(self, name: str, member: Any, path: Path, scope: Scope, kind: str) -> None:
        if name and name not in MESSAGES_FIELDS.names:
            self._note(scope, Part(name, Pointer(path, key=True)))
        if name == "text" and isinstance(member, str):
            self._say(scope, Part(member, Pointer(path)))
        elif name == "content":
            self._content(member, path, scope, KINDS_INSIDE)
        elif name == "input":
            for inner, text, key in inner_strings(member):
                self._note(scope, Part(text, Pointer((*path, *inner), key=key)))
        elif name == "source" and isinstance(member, dict):
            self._source(member, path, scope, kind)
        elif name in _SEALED and isinstance(member, str) and is_sealed(member):
            if (name, kind) == (
                "encrypted_content",
                "compaction",
            ):  # the history in short, which the model reads and nobody else can
                self.unscannable.append(Unscannable("compaction", Pointer(path), scope))
        elif name == "file_id" and isinstance(member, str) and kind in _OUTPUT_FILES:
            self._note(scope, Part(member, Pointer(path), identifier=True))
        elif name == "data" and isinstance(member, str):
            if kind != "redacted_thinking":  # that one stands on the list of the unread
                self._note(scope, Part(member, Pointer(path)))
        else:
            step = "*" if not name or "." in name or "[" in name else name
            self.beside_of(member, path, f"{BLOCK}.{step}", scope)

    def _source(self, source: Tree, path: Path, scope: Scope, kind: str) -> None:
        """Where a picture or document comes from: text in it is read, all else goes on the list of the unread."""
        form = source.get("type")
        if not isinstance(form, str) or form not in _SOURCES:
            place = place_name((*path, "type"))
            raise BadRequest(f"{place} is not a known source", code="unsupported_content_part", param=place)
        unread = Unscannable("image" if kind == "image" else "file", Pointer(path[:-1]), scope)
        for name, member in source.items():
            here = (*path, name)
            if name == "data" and isinstance(member, str):
                self._data(member, here, source, unread)
            elif name == "url" and isinstance(member, str):
                self._address(member, here, scope, unread)
            elif name == "content":
                self._content(member, here, Scope.TOOL_RESULT, KINDS_INSIDE)
            else:
                if name and name not in MESSAGES_FIELDS.names:
                    self._note(scope, Part(name, Pointer(here, key=True)))
                step = "*" if not name or "." in name or "[" in name else name
                self.beside_of(member, here, f"{BLOCK}.source.{step}", scope)

    def _data(self, data: str, path: Path, source: Tree, unread: Unscannable) -> None:
        if source["type"] == "text":
            self._say(Scope.TOOL_RESULT, Part(data, Pointer(path)))
            return
        media = source.get("media_type")
        text = text_of_data_url(f"data:{media};base64,{data}") if isinstance(media, str) else None
        self._decoded(text, path, unread)

    def _address(self, url: str, path: Path, scope: Scope, unread: Unscannable) -> None:
        if is_data_url(url):
            self._decoded(text_of_data_url(url), path, unread)
            return
        self._note(scope, Part(url, Pointer(path)))
        self.unscannable.append(unread)

    def _decoded(self, text: str | None, path: Path, unread: Unscannable) -> None:
        """Decoded text has no place of its own that a replacement could be written to."""
        if text is None:
            self.unscannable.append(unread)
        else:
            self._say(Scope.TOOL_RESULT, Part(text, Pointer(path, key=True)))


def _check_shape(block: Tree, kind: str, path: Path) -> None:
    for member, wanted, said in _MUST_HAVE.get(kind, ()):
        if not isinstance(block.get(member), wanted):
            raise wrong_type((*path, member), said)
    if kind == "tool_use" and not (0 < len(block["name"]) <= LONGEST_NAME and _NAME.issuperset(block["name"])):
        raise wrong_type((*path, "name"), f"1 to {LONGEST_NAME} letters, digits, _ or -")
