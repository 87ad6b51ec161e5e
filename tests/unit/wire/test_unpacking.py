import gzip
import zlib

import pytest

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.unpacking import FREE, RATIO, Unpacker

TEXT = "Grüße, 你好 🐦. ".encode() * 50
PACKED = {
    "gzip": gzip.compress(TEXT, mtime=0),
    "X-Gzip": gzip.compress(TEXT[:100], mtime=0) + gzip.compress(TEXT[100:], mtime=0),
    "deflate": zlib.compress(TEXT),
    " Deflate ": zlib.compress(TEXT, wbits=-15),
}


def unpacked(encoding, raw, size):
    unpacker = Unpacker(encoding)
    out = b"".join(unpacker.feed(raw[at : at + size]) for at in range(0, len(raw), size))
    unpacker.flush()
    return out


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100_000])
@pytest.mark.parametrize("encoding", PACKED)
def test_any_segmentation_gives_the_same_bytes(encoding, size):
    assert unpacked(encoding, PACKED[encoding], size) == TEXT


def test_what_is_flushed_comes_out_at_once():
    packer, unpacker = zlib.compressobj(wbits=31), Unpacker("gzip")
    first = packer.compress(b"data: 1\n\n") + packer.flush(zlib.Z_SYNC_FLUSH)
    assert unpacker.feed(first) == b"data: 1\n\n"


def test_no_bytes_at_all_are_an_empty_body():
    Unpacker("gzip").flush()


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "gzip,deflate", ""])
def test_an_encoding_we_cannot_read(encoding):
    with pytest.raises(UpstreamBadAnswer, match="packed") as caught:
        Unpacker(encoding)
    assert caught.value.kind == "protocol"


@pytest.mark.parametrize("raw", [b"<html>", PACKED["gzip"][:20] + b"x" * 20, PACKED["gzip"] + b"and more"])
def test_what_is_not_packed_so(raw):
    with pytest.raises(UpstreamBadAnswer) as caught:
        unpacked("gzip", raw, 3)
    assert caught.value.kind == "protocol"


@pytest.mark.parametrize("size", [1, 15, -1])
@pytest.mark.parametrize("encoding", PACKED)
def test_a_cut_body(encoding, size):
    with pytest.raises(UpstreamBadAnswer) as caught:
        unpacked(encoding, PACKED[encoding][:size], 1000)
    assert caught.value.kind == "reset"


@pytest.mark.parametrize("size", [1000, 10_000_000])
@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, lambda raw: gzip.compress(raw[:999], mtime=0) * 20_000])
def test_a_bomb_is_stopped_at_the_bound(pack, size):
    raw = pack(b"x" * (FREE * 16))
    given = []
    with pytest.raises(UpstreamBadAnswer, match="grows"):
        feed_all(Unpacker("gzip" if raw[:2] == b"\x1f\x8b" else "deflate"), raw, size, given)
    assert sum(given) <= FREE + RATIO * len(raw)


def feed_all(unpacker, raw, size, given):
    for at in range(0, len(raw), size):
        given.append(len(unpacker.feed(raw[at : at + size])))


def test_much_text_that_packs_well_is_no_bomb():
    frames = b"".join(b'data: {"id":"c1","choices":[{"delta":{"content":"%d"}}]}\n\n' % n for n in range(60_000))
    assert len(frames) > 3 * FREE
    assert unpacked("gzip", gzip.compress(frames, mtime=0), 4096) == frames
