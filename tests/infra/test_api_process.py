"""The API process stands in for API Gateway: connections, paths, methods, bodies, many callers at once."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from chalice.app import Chalice, CORSConfig, Response

from infra.local.api import Gateway, PathTree
from infra.local.httpd import MAX_BODY_BYTES, MAX_HEAD_BYTES, HttpRequest, HttpResponse, HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def small_app() -> Chalice:
    app = Chalice(app_name="small")
    cors = CORSConfig(allow_origin="https://shop.example", max_age=600)

    @app.route("/v1/stores/{store_id}", methods=["GET", "PUT"], cors=cors, content_types=["*/*"])
    def store(store_id: str) -> Response:
        request = app.current_request
        told = {
            "store_id": store_id,
            "query": dict(request.query_params or {}),
            "many": request.query_params.getlist("many") if request.query_params else [],
            "body": request.raw_body.decode(),
            "request_id": request.context["requestId"],
            "caller": request.headers.get("x-caller"),
        }
        return Response(body=told, headers={"ETag": '"1"'}, status_code=200)

    @app.route("/v1/stores/{store_id}/menu")
    def menu(store_id: str) -> dict[str, str]:
        return {"menu_of": store_id}

    @app.route("/v1/stores/search")
    def search() -> dict[str, str]:
        return {"found": "all"}

    @app.route("/v1/unchanged")
    def unchanged() -> Response:
        return Response(body="", status_code=304, headers={"ETag": '"1"'})

    @app.route("/v1/photo", content_types=["image/jpeg"])
    def photo() -> Response:
        return Response(body=b"\xff\xd8", headers={"Content-Type": "image/jpeg"})

    return app


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Callable[[HttpRequest], HttpResponse]], int]]:
    servers: list[HttpServer] = []

    def start(handle: Callable[[HttpRequest], HttpResponse]) -> int:
        server = HttpServer(0, handle)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return int(server.server_address[1])

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def api(serve: Callable[[Callable[[HttpRequest], HttpResponse]], int]) -> int:
    return serve(Gateway(small_app()).handle)


@pytest.fixture(scope="module")
def echo(serve: Callable[[Callable[[HttpRequest], HttpResponse]], int]) -> int:
    def answer(request: HttpRequest) -> HttpResponse:
        if request.target == "/fault":
            raise RuntimeError("a fault of the handler")
        told = {"method": request.method, "target": request.target, "body": request.body.decode("latin-1")}
        return HttpResponse(200, json.dumps(told).encode(), [("Content-Type", "application/json")])

    return serve(answer)


def ask(port: int, method: str, path: str, body: Any = None, headers: Any = None) -> tuple[Any, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def raw(port: int, request: bytes) -> bytes:
    """Everything that the server answers until it closes the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        while part := connection.recv(65536):
            received += part
    return received


# --- gateway ----------------------------------------------------------------------------------------------------------


def test_the_function_gets_path_query_body_and_headers(api: int) -> None:
    answer, content = ask(api, "PUT", "/v1/stores/sto_1?many=a&many=b&one=%C3%A9", "grün".encode(), {"X-Caller": "ann"})
    told = json.loads(content)
    assert answer.status == 200
    assert answer.headers["ETag"] == '"1"'
    assert (told["store_id"], told["many"], told["query"]["one"]) == ("sto_1", ["a", "b"], "é")
    assert (told["body"], told["caller"]) == ("grün", "ann")
    assert told["request_id"]


def test_a_path_parameter_arrives_as_it_was_sent(api: int) -> None:
    assert json.loads(ask(api, "GET", "/v1/stores/a%2Fb")[1])["store_id"] == "a%2Fb"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/stores/search", {"found": "all"}),
        ("/v1/stores/search/", {"found": "all"}),
        ("/v1/stores/search/menu", {"menu_of": "search"}),
        ("/v1/stores/sto_1/menu?x=1", {"menu_of": "sto_1"}),
    ],
)
def test_a_literal_segment_is_preferred_and_given_up_when_it_leads_nowhere(api: int, path: str, body: Any) -> None:
    assert json.loads(ask(api, "GET", path)[1]) == body


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/stores", "/v1/stores//menu", "/v1/stores/x/menu/y", "/v2/stores/x"])
def test_an_unknown_path_is_a_problem_404(api: int, path: str) -> None:
    answer, content = ask(api, "GET", path)
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = json.loads(content)
    assert (problem["code"], problem["status"]) == ("route_not_found", 404)
    assert problem["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD", "BREW"])
def test_another_method_is_a_problem_405_that_says_which_are_allowed(api: int, method: str) -> None:
    answer, content = ask(api, method, "/v1/stores/sto_1")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, OPTIONS, PUT"
    if method != "HEAD":
        assert json.loads(content)["code"] == "method_not_allowed"


def test_a_preflight_is_answered_without_the_function(api: int) -> None:
    answer, _ = ask(api, "OPTIONS", "/v1/stores/sto_1", headers={"Origin": "https://shop.example"})
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, OPTIONS, PUT"
    assert answer.headers["Access-Control-Max-Age"] == "600"


def test_callers_at_the_same_time_do_not_see_each_other(api: int) -> None:
    def call(number: int) -> bool:
        body = f"{number}".encode()
        told = json.loads(ask(api, "PUT", f"/v1/stores/{number}", body, {"X-Caller": str(number)})[1])
        return {told["store_id"], told["body"], told["caller"]} == {str(number)}

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(call, range(300)))


def test_304_has_no_body_and_the_connection_goes_on(api: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", api, timeout=5)
    for _ in range(2):
        connection.request("GET", "/v1/unchanged")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (304, b"")
    connection.close()


def test_binary_answers_arrive_as_bytes(api: int) -> None:
    answer, content = ask(api, "GET", "/v1/photo", headers={"Accept": "image/jpeg", "Content-Type": "image/jpeg"})
    assert (answer.status, content) == (200, b"\xff\xd8")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"\x00"])
def test_a_body_that_is_no_text_does_not_break_the_function(api: int, body: bytes) -> None:
    assert ask(api, "PUT", "/v1/stores/sto_1", body)[0].status == 200


def test_paths_match_as_they_would_by_hand() -> None:
    tree = PathTree(["/", "/a/{b}/c", "/a/{x}/{y}"])
    assert tree.match_route("/").route == "/"
    assert tree.match_route("/a/1/c")[:2] == ("/a/{b}/c", {"b": "1"})
    assert tree.match_route("/a/1/2")[:2] == ("/a/{x}/{y}", {"x": "1", "y": "2"})
    with pytest.raises(ValueError, match="no route"):
        tree.match_route("/a/1")


# --- http -------------------------------------------------------------------------------------------------------------


def test_a_connection_serves_many_requests(echo: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", echo, timeout=5)
    connection.connect()
    first = connection.sock
    for number in range(3):
        connection.request("POST", f"/{number}", b"x" * number)
        assert json.loads(connection.getresponse().read())["target"] == f"/{number}"
        assert connection.sock is first
    connection.close()


def test_requests_that_arrive_together_are_answered_in_order(echo: int) -> None:
    request = b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answered = raw(echo, request)
    assert answered.index(b'"/1"') < answered.index(b'"/2"')


def test_a_chunked_body_is_put_together(echo: int) -> None:
    answer, content = ask(echo, "POST", "/", iter([b"one ", b"two"]))
    assert (answer.status, json.loads(content)["body"]) == (200, "one two")


def test_a_client_that_waits_for_permission_gets_it(echo: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    answered = raw(echo, head + b"ok")
    assert answered.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_fault_of_the_handler_is_a_500_and_no_more(echo: int) -> None:
    assert ask(echo, "GET", "/fault")[0].status == 500
    assert ask(echo, "GET", "/fine")[0].status == 200


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", 413),
        (b"GET / HTTP/1.1\r\nlong: " + b"x" * MAX_HEAD_BYTES, 431),
    ],
)
def test_what_is_no_http_is_refused_and_the_connection_closed(echo: int, request_bytes: bytes, status: int) -> None:
    assert raw(echo, request_bytes).startswith(b"HTTP/1.1 %d " % status)
