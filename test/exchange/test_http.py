from datetime import UTC, datetime

import pytest

from hummingbot_extended.errors import (
    ApiError,
    MalformedMessage,
    NotFound,
    Outcome,
    RateLimited,
    ServerUnavailable,
    Unauthorized,
)
from hummingbot_extended.exchange.http import Reply, RestRequest, RestResponse, order_not_found, unwrap

REQUEST = RestRequest(method="POST", path="/user/order", body={"secret": "s"}, auth=True)
HTML = b"<html><body>502 Bad Gateway</body></html>"


def answer(status: int, body: bytes | str = b"", **headers: str) -> RestResponse:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return RestResponse(status=status, headers=names, body=body.encode() if isinstance(body, str) else body)


def error(code: object, message: str = "no") -> str:
    shown = f'"{code}"' if isinstance(code, str) else code
    return f'{{"status":"ERROR","error":{{"code":{shown},"message":"{message}","debugInfo":null}}}}'


@pytest.mark.parametrize(
    ("status", "body", "data", "cursor"),
    [
        (200, '{"status":"OK","data":{"id":1}}', b'{"id":1}', None),
        (
            201,
            '{"status":"ok","data":[],"pagination":{"cursor":1784963886257016832,"count":0}}',
            b"[]",
            1784963886257016832,
        ),
        (200, '{"status":"OK","data":[],"pagination":{"cursor":"17","count":0}}', b"[]", 17),
        (200, '{"status":"OK","data":[],"pagination":{"cursor":null,"count":0}}', b"[]", None),
        (200, '{"status":"OK","pagination":null}', b"null", None),
        (200, '{"status":"OK","data":{},"error":null}', b"{}", None),
        (200, "", b"null", None),
        (204, " ", b"null", None),
        (200, '""', b"null", None),
        (200, "{}", b"null", None),
    ],
)
def test_unwrap_success(status: int, body: str, data: bytes, cursor: int | None) -> None:
    assert unwrap(REQUEST, answer(status, body)) == Reply(data, cursor)


@pytest.mark.parametrize("body", [HTML, b'{"status":"OK"', b"[1]", b"\xff"])
def test_unwrap_success_status_with_another_body_is_malformed_and_its_outcome_unknown(body: bytes) -> None:
    with pytest.raises(MalformedMessage) as caught:
        unwrap(REQUEST, answer(200, body))
    assert caught.value.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "outcome"),
    [
        # the status alone
        (400, "", ApiError, None, Outcome.REJECTED),
        (401, "", Unauthorized, None, Outcome.REJECTED),
        (403, HTML, Unauthorized, None, Outcome.REJECTED),
        (404, "", NotFound, None, Outcome.REJECTED),
        (404, HTML, NotFound, None, Outcome.REJECTED),
        (409, "", ApiError, None, Outcome.REJECTED),
        (422, "{}", ApiError, None, Outcome.REJECTED),
        (429, "", RateLimited, None, Outcome.UNKNOWN),
        (429, HTML, RateLimited, None, Outcome.UNKNOWN),
        (302, "", ApiError, None, Outcome.REJECTED),
        (500, "", ServerUnavailable, None, Outcome.UNKNOWN),
        (502, HTML, ServerUnavailable, None, Outcome.UNKNOWN),
        (503, error(503), ServerUnavailable, 503, Outcome.UNKNOWN),
        (500, error("INTERNAL"), ServerUnavailable, "INTERNAL", Outcome.UNKNOWN),
        # the code, whatever the status
        (400, error(1123), ApiError, 1123, Outcome.REJECTED),
        (422, error("1140"), ApiError, 1140, Outcome.REJECTED),
        (200, error(1101), ApiError, 1101, Outcome.REJECTED),
        (200, '{"status":"OK","error":{"code":1134,"message":"dup"}}', ApiError, 1134, Outcome.REJECTED),
        (200, '{"status":"ERROR"}', ApiError, None, Outcome.REJECTED),
        (200, '{"status":"ERROR","error":"plain words"}', ApiError, None, Outcome.REJECTED),
        (500, error(1140), ApiError, 1140, Outcome.REJECTED),
        (503, error(1010), ApiError, 1010, Outcome.REJECTED),
        (400, error(1006), ServerUnavailable, 1006, Outcome.UNKNOWN),
        (200, error(1006), ServerUnavailable, 1006, Outcome.UNKNOWN),
        (400, error(1001), NotFound, 1001, Outcome.REJECTED),
        (422, error("NOT_FOUND"), NotFound, "NOT_FOUND", Outcome.REJECTED),
        (404, error(404), NotFound, 404, Outcome.REJECTED),
        (404, error(1137), ApiError, 1137, Outcome.REJECTED),
        (429, error(1006), RateLimited, 1006, Outcome.UNKNOWN),
        (401, error(1500), Unauthorized, 1500, Outcome.REJECTED),
    ],
)
def test_unwrap_maps_status_and_code_together(
    status: int, body: bytes | str, kind: type[ApiError], code: object, outcome: Outcome
) -> None:
    with pytest.raises(ApiError) as caught:
        unwrap(REQUEST, answer(status, body))
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.code, caught.value.outcome) == (status, code, outcome)
    assert str(caught.value).startswith("POST /user/order: ")
    assert "html" not in str(caught.value)


def test_an_error_says_the_exchanges_words_or_else_what_its_status_means() -> None:
    with pytest.raises(ApiError, match=r"Invalid quantity precision \(HTTP 400, code 1123\)"):
        unwrap(REQUEST, answer(400, error(1123, "Invalid quantity precision")))
    with pytest.raises(ApiError, match="the API key is missing or wrong"):
        unwrap(REQUEST, answer(401))
    with pytest.raises(ApiError, match="redirected, which is not followed"):
        unwrap(REQUEST, answer(302))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry_After": "7"}, 7.0),
        ({"retry_after": "Fri, 20 Nov 2026 12:00:30 GMT", "Date": "Fri, 20 Nov 2026 12:00:00 GMT"}, 30.0),
        ({"Retry_After": "Fri, 20 Nov 2026 11:00:00 GMT", "Date": "Fri, 20 Nov 2026 12:00:00 GMT"}, 0.0),
        ({"Retry_After": "Fri, 20 Nov 2026 12:00:30 GMT"}, None),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-1"}, None),
    ],
)
def test_rate_limited_says_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    with pytest.raises(RateLimited) as caught:
        unwrap(REQUEST, answer(429, **headers))
    assert caught.value.retry_after_s == seconds


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, "", True),
        (404, HTML, True),
        (404, error("NOT_FOUND"), True),
        (400, error(1142), True),
        (404, error(1004), False),  # the account is gone, not the order
        (404, error(1001), False),
        (400, error(1136), False),
        (500, "", False),
        (429, "", False),
    ],
)
def test_order_not_found_means_the_order(status: int, body: bytes | str, expected: bool) -> None:
    with pytest.raises(ApiError) as caught:
        unwrap(REQUEST, answer(status, body))
    assert order_not_found(caught.value) is expected


def test_order_not_found_is_never_the_network() -> None:
    assert not order_not_found(ConnectionError())


def test_date_is_the_servers_clock() -> None:
    assert answer(200, date="Fri, 20 Nov 2026 12:00:00 GMT").date == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert answer(200).date is None
    assert answer(200, Date="yesterday").date is None


def test_a_request_shows_no_body() -> None:
    assert "secret" not in repr(REQUEST)
    assert str(REQUEST) == "POST /user/order"
