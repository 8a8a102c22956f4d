"""The phone's SIP: read, written and signed as the RFCs say."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.lab import sip

INVITE = (
    b"INVITE sip:101@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bKabc;rport\r\n"
    b'f: "Alice \xc3\xa9" <sip:100@127.0.0.1>;tag=88\r\nt: <sip:101@127.0.0.1>\r\ni: one@127.0.0.2\r\n'
    b"CSeq: 7 INVITE\r\nContact: <sip:100@127.0.0.2:5060>\r\nl: 4\r\n\r\nbody"
)


def test_a_request_is_read_with_compact_headers() -> None:
    message = sip.parse(INVITE)
    assert (message.method, message.status, message.target) == ("INVITE", None, "sip:101@127.0.0.1:5060")
    assert (message["call-id"], message.body) == ("one@127.0.0.2", b"body")
    assert (sip.tag_of(message["from"]), sip.user_of(message["from"])) == ("88", "100")
    assert sip.uri_of(message["contact"]) == "sip:100@127.0.0.2:5060"


def test_an_answer_keeps_what_binds_it_to_its_request() -> None:
    request = sip.parse(INVITE)
    answer = sip.parse(sip.response(request, 200, "OK", "mine", body=b"x").encode())
    assert (answer.status, answer.method) == (200, "INVITE")
    assert answer["to"] == "<sip:101@127.0.0.1>;tag=mine"
    for name in ("via", "from", "call-id", "cseq"):
        assert answer[name] == request[name]


def test_a_missing_header_is_named() -> None:
    with pytest.raises(KeyError, match="no expires in INVITE"):
        sip.parse(INVITE)["expires"]


@given(st.binary(max_size=300))
def test_bytes_that_are_no_sip_are_refused_or_read_but_never_break_anything_else(data: bytes) -> None:
    try:
        sip.parse(data)
    except ValueError:
        return


def test_the_digest_is_that_of_rfc_2617_section_3_5() -> None:
    challenge = (
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    value = sip.authorization(challenge, "GET", "/dir/index.html", "Mufasa", "Circle Of Life", "0a4f113b")
    found = re.search(r'response="(\w+)"', value)
    assert found is not None
    assert found[1] == "6629fae49393a05397450978507c4ef1"
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in value


def test_an_offer_says_where_the_audio_goes_and_a_zero_port_says_nowhere() -> None:
    assert sip.media_of(sip.sdp("127.1.2.3", 4000, 1)) == ("127.1.2.3", 4000)
    assert sip.media_of(sip.sdp("127.1.2.3", 0, 1)) is None
    assert sip.media_of(b"") is None
