import pytest

from guardproxy.wire.data_url import is_data_url, text_of_data_url


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("data:text/plain;base64,Z2FyZGVu", "garden"),
        ("data:text/plain;base64,Z2Fy ZGVu", "garden"),
        ("data:text/plain;base64,Z2FyZGVucw", "gardens"),  # no padding
        ("data:text/plain;base64,w7_Dvw==", "ÿÿ"),  # URL alphabet
        ("DATA:Text/Plain;Charset=UTF-8;BASE64,Z2FyZGVu", "garden"),
        ("  data:text/html,<b>garden%20path</b>", "<b>garden path</b>"),
        ("data:,plain", "plain"),
        ("data:;base64,Z2FyZGVu", "garden"),
        ("data:text/plain,", ""),
        ("data:image/png;base64,iVBORw0KGgo=", None),
        ("data:text/plain;charset=utf-16;base64,Z2FyZGVu", None),
        ("data:text/plain;base64,!!!", None),
        ("data:text/plain;base64,/w==", None),
        ("data:text/plain", None),
    ],
)
def test_text_inside(url, text):
    assert is_data_url(url)
    assert text_of_data_url(url) == text


@pytest.mark.parametrize("url", ["https://a.example/data:text", "", "dat:a", "file:///etc/x"])
def test_other_addresses(url):
    assert not is_data_url(url)
