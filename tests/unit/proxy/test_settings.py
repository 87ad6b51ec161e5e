"""Every source of a setting, who wins, and one clear line for everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from guardproxy.errors import SettingsError
from guardproxy.proxy.settings import Settings, UpstreamSettings, is_loopback, load, target

URL = "upstream: {url: 'http://127.0.0.1:9'}\n"


def loaded(text="", environ=None, folder=None, **overrides):
    file = None
    if text:
        file = folder / "settings.yaml"
        file.write_text(text, encoding="utf-8")
    return load(file, environ or {}, {key.replace("__", "."): value for key, value in overrides.items()})


def test_nothing_given_is_the_defaults():
    assert loaded() == Settings()


def test_the_defaults_are_the_safe_side():
    plain = Settings()
    assert is_loopback(plain.listen.host)
    assert is_loopback(plain.listen.admin_host)
    assert not plain.listen.allow_anonymous
    assert plain.upstream.url == ""


@pytest.mark.parametrize(
    ("text", "environ", "overrides", "port"),
    [
        ("", {}, {}, 8080),
        ("listen: {port: 1}", {}, {}, 1),
        ("listen: {port: 1}", {"GUARDPROXY_LISTEN_PORT": "2"}, {}, 2),
        ("listen: {port: 1}", {"GUARDPROXY_LISTEN_PORT": "2"}, {"listen__port": 3}, 3),
        ("listen: {port: 1}", {}, {"listen__port": None}, 1),
        ("", {"LISTEN_PORT": "2", "GUARDPROX_LISTEN_PORT": "4"}, {}, 8080),
    ],
)
def test_the_later_source_wins(tmp_path, text, environ, overrides, port):
    assert loaded(text, environ, tmp_path, **overrides).listen.port == port


@pytest.mark.parametrize(
    ("name", "value", "place", "read"),
    [
        ("UPSTREAM_URL", "http://x", "upstream.url", "http://x"),
        ("UPSTREAM_CONNECT_TIMEOUT_S", "1.5", "upstream.connect_timeout_s", 1.5),
        ("LISTEN_ADMIN_PORT", "0", "listen.admin_port", 0),
        ("LISTEN_ALLOW_ANONYMOUS", "True", "listen.allow_anonymous", True),
        ("POLICIES_WATCH", "0", "policies.watch", False),
        ("LOG_JSON_LINES", "false", "log.json_lines", False),
        ("LOG_LEVEL", "debug", "log.level", "debug"),
        ("AUDIT_MODE", "required", "audit.mode", "required"),
        ("DETECTORS_PHONE_REGIONS", "NO, SE,", "detectors.phone_regions", ["NO", "SE"]),
        ("DETECTORS_ALLOWED_LINK_HOSTS", "", "detectors.allowed_link_hosts", []),
    ],
)
def test_a_variable_is_read_as_its_type(name, value, place, read):
    section, key = place.split(".")
    assert getattr(getattr(loaded(environ={f"GUARDPROXY_{name}": value}), section), key) == read


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"GUARDPROXY_LISTEN_PRT": "1"}, 'GUARDPROXY_LISTEN_PRT is not a setting; did you mean "GUARDPROXY_LISTEN_PORT"'),
        ({"GUARDPROXY_": "1"}, "GUARDPROXY_ is not a setting"),
        ({"GUARDPROXY_LISTEN_PORT": "many"}, "GUARDPROXY_LISTEN_PORT: not a int"),
        ({"GUARDPROXY_LISTEN_PORT": "70000"}, "listen.port: "),
        ({"GUARDPROXY_UPSTREAM_CONNECT_TIMEOUT_S": "soon"}, "not a float"),
        ({"GUARDPROXY_UPSTREAM_CONNECT_TIMEOUT_S": "nan"}, "upstream.connect_timeout_s: "),
        ({"GUARDPROXY_POLICIES_WATCH": "maybe"}, "not a bool"),
        ({"GUARDPROXY_LOG_JSON_LINES": "maybe"}, "GUARDPROXY_LOG_JSON_LINES: not a bool"),
        ({"GUARDPROXY_AUDIT_MODE": "loose"}, "audit.mode: "),
        ({"GUARDPROXY_SERVICE_COUNTRY": "no"}, "service.country: "),
    ],
)  # fmt: skip
def test_a_wrong_variable(environ, says):
    with pytest.raises(SettingsError) as caught:
        loaded(environ=environ)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lisen: {port: 1}", 'unknown key "lisen"; did you mean "listen"?'),
        ("listen: {prot: 1}", 'unknown key "listen.prot"; did you mean "port"?'),
        ("listen: {zzzzzz: 1}", 'unknown key "listen.zzzzzz"'),
        ("listen: 5", "settings: listen: "),
        ("listen: {port: '1'}", "settings: listen.port: "),
        ("listen: {port: true}", "settings: listen.port: "),
        ("upstream: {pool: 0}", "settings: upstream.pool: "),
        ("[a]", "a mapping is expected at the top"),
        ("listen: {port: 1}\nlisten: {port: 2}", "settings.yaml"),
        ("listen: {port: 1", "settings.yaml"),
    ],
)
def test_a_wrong_file(tmp_path, text, says):
    with pytest.raises(SettingsError) as caught:
        loaded(text, folder=tmp_path)
    assert says in str(caught.value)


def test_a_section_that_is_no_mapping_is_still_wrong_with_a_variable(tmp_path):
    with pytest.raises(SettingsError, match=r"settings: listen: "):
        loaded("listen: 5", {"GUARDPROXY_LISTEN_PORT": "1"}, tmp_path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.yaml"):
        load(tmp_path / "nowhere.yaml", {}, {})


@pytest.mark.parametrize(
    ("listen", "says"),
    [
        ({"listen__host": "0.0.0.0"}, "--allow-anonymous"),
        ({"listen__host": "0.0.0.0"}, "guardproxy keys make"),
        ({"listen__host": "0.0.0.0", "keys__file": "keys.json"}, ""),
        ({"listen__allow_anonymous": True, "keys__file": "keys.json"}, "contradict each other"),
        ({"listen__host": "::"}, "--allow-anonymous"),
        ({"listen__host": "proxy.example"}, "--allow-anonymous"),
        ({"listen__admin_host": "0.0.0.0"}, "admin_token_env"),
        ({"listen__host": "0.0.0.0", "listen__allow_anonymous": True}, ""),
        ({"listen__host": "127.0.0.7"}, ""),
        ({"listen__host": "::1"}, ""),
        ({"listen__host": "localhost", "listen__admin_host": "localhost"}, ""),
        ({"listen__admin_host": "0.0.0.0", "listen__admin_token_env": "TOKEN"}, ""),
    ],
)
def test_nobody_is_served_by_accident(listen, says):
    if not says:
        assert loaded(**listen)
        return
    with pytest.raises(SettingsError) as caught:
        loaded(**listen)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:9", "http://127.0.0.1:9/v1"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9/v1"),
        ("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1"),
        ("https://models.example/team/v1/", "https://models.example/team/v1"),
        ("https://models.example/team", "https://models.example/team/v1"),
        ("http://[::1]:9", "http://[::1]:9/v1"),
        ("http://vllm", "http://vllm/v1"),
        ("http://10.0.0.5:8000", "http://10.0.0.5:8000/v1"),
        ("http://0xbox.example", "http://0xbox.example/v1"),
        ("http://node1.2nd.example", "http://node1.2nd.example/v1"),
    ],
)
def test_the_upstreams_address(url, base):
    assert target(UpstreamSettings(url=url), {}).base == base


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:9",
        "ftp://x",
        "http://",
        "http://x:99999",
        "http://x:0",
        "http://[::1",
        "http://me:key@x",
        "http://me@x",
        "http://x/?key=1",
        "http://x/#a",
        "http://169.254.169.254",
        "http://169.254.169.254.",
        "http://[::ffff:169.254.169.254]",
        "http://[::ffff:0.0.0.0]",
        "http://[fe80::1]",
        "http://[fe80::1%25eth0]",
        "http://0.0.0.0:9",
        "http://[::]",
        "http://224.0.0.1",
        "http://2852039166",
        "http://0xa9fea9fe",
        "http://0xa9.0xfe.0xa9.0xfe",
        "http://169.0xfe.169.254",
        "http://169.254.0xa9fe",
        "http://127.1",
    ],
)
def test_an_address_that_is_refused(url):
    with pytest.raises(SettingsError) as caught:
        target(UpstreamSettings(url=url), {})
    assert "key" not in str(caught.value) or "key_env" in str(caught.value)


def test_the_key_comes_from_the_environment(monkeypatch):
    given = UpstreamSettings(url="http://x", key_env="MODEL_KEY")
    assert target(given, {"MODEL_KEY": " sk-sample\n"}).key.reveal() == "sk-sample"
    monkeypatch.setenv("MODEL_KEY", "sk-other")
    assert target(given).key.reveal() == "sk-other"
    assert target(UpstreamSettings(url="http://x"), {}).key is None


@pytest.mark.parametrize("environ", [{}, {"MODEL_KEY": ""}])
def test_a_key_that_is_named_must_be_there(environ):
    with pytest.raises(SettingsError, match="MODEL_KEY is empty or missing"):
        target(UpstreamSettings(url="http://x", key_env="MODEL_KEY"), environ)


def test_the_key_comes_from_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text("sk-sample\n", encoding="utf-8")
    assert target(UpstreamSettings(url="http://x", key_file=str(file)), {}).key.reveal() == "sk-sample"


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read"), (b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "is not text")],
)
def test_a_key_file_that_is_no_use(tmp_path, content, says):
    file: Path = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=says):
        target(UpstreamSettings(url="http://x", key_file=str(file)), {})


def test_times_and_sizes_reach_the_target():
    given = UpstreamSettings(url="http://x", connect_timeout_s=1, answer_timeout_s=2, idle_timeout_s=3, pool=4, max_answer_bytes=5000)  # fmt: skip
    made = target(given, {})
    assert (made.connect_timeout, made.answer_timeout, made.idle_timeout, made.pool, made.max_answer_bytes) == (
        1,
        2,
        3,
        4,
        5000,
    )
