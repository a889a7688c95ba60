"""A file is downloaded whole or not at all, and a failing server is asked again."""

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from elbowroom.core.errors import StudyError
from elbowroom.datasets import download

BODY = bytes(range(256)) * 9000  # more than one read


class Answer(NamedTuple):
    """An answer to one request. announced: the length in its header. chunked: sent as one chunk without an end."""

    status: int = 200
    body: bytes = BODY
    announced: object = len(BODY)
    chunked: bool = False


class Server(NamedTuple):
    """A server that gives each answer in turn, then the last one forever. waited: the seconds between tries."""

    address: str
    answers: list[Answer]
    asked: list[str]
    waited: list[float]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    answers: list[Answer] = []
    asked: list[str] = []
    waited: list[float] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.path)
            self.send_response(answer.status)
            if answer.chunked:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(f"{len(answer.body) + 1:x}\r\n".encode())
            else:
                self.send_header("Content-Length", str(answer.announced))
                self.end_headers()
            with contextlib.suppress(ConnectionError):  # the client has closed it
                self.wfile.write(answer.body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setattr(download, "cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(download.time, "sleep", waited.append)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setenv("ELBOWROOM_MIRROR", address)
        yield Server(address, answers, asked, waited)
        running.shutdown()


def fetch() -> Path:
    return download.fetch("https://nowhere.invalid/x.gz", "deep/x.gz")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


DROPPED = Answer(body=BODY[:-1])
BROKEN = [DROPPED, Answer(body=BODY[:3]), Answer(body=b""), Answer(body=BODY[:-1], chunked=True), Answer(status=503)]


@pytest.mark.parametrize("broken", BROKEN, ids=["cut", "cut early", "nothing", "cut chunk", "status 503"])
def test_a_server_that_fails_is_asked_again(server: Server, broken: Answer) -> None:
    server.answers.extend([broken, broken, Answer()])
    assert fetch().read_bytes() == BODY
    assert server.asked == ["/deep/x.gz"] * 3
    assert server.waited == [1, 2]


@pytest.mark.parametrize("broken", BROKEN, ids=["cut", "cut early", "nothing", "cut chunk", "status 503"])
def test_a_server_that_keeps_failing_is_an_error(server: Server, tmp_path: Path, broken: Answer) -> None:
    server.answers.append(broken)
    with pytest.raises(
        StudyError, match=r"^http://127[^\n]*/deep/x.gz: download failed \([^\n]+, 3 tries\), expected "
    ):
        fetch()
    assert len(server.asked) == 3
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(status=404), "HTTP Error 404: Not Found"),
        (Answer(status=403), "HTTP Error 403: Forbidden"),
        (Answer(announced="many"), "invalid literal for int"),
    ],
)
def test_a_refusal_is_not_tried_again(server: Server, tmp_path: Path, answer: Answer, said: str) -> None:
    server.answers.append(answer)
    with pytest.raises(StudyError, match=rf"/deep/x.gz: download failed \({said}[^\n]*\), expected x.gz there"):
        fetch()
    assert len(server.asked) == 1
    assert server.waited == []
    assert files(tmp_path) == []


def test_a_body_beyond_the_size_limit_is_not_read_to_its_end(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LARGEST_DOWNLOAD", 2**20)
    server.answers.append(Answer())
    with pytest.raises(StudyError, match=r"download failed \(more than 1048576 bytes\)"):
        fetch()
    assert files(tmp_path) == []


def test_a_downloaded_file_is_not_downloaded_again(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    server.answers.append(Answer())
    path = fetch()
    assert fetch() == path
    assert len(server.asked) == 1
    assert [found.name for found in path.parent.iterdir()] == ["x.gz"]
    assert capfd.readouterr().err == ""  # no progress bar without a terminal


def test_a_server_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("ELBOWROOM_MIRROR", address)
    with pytest.raises(
        StudyError, match=r"download failed \(<urlopen error .*refused>, 3 tries\), .*offline\? set ELB"
    ):
        fetch()


@pytest.mark.parametrize(
    ("mirror", "said"),
    [
        ("http://", r"http:/*deep/x.gz: download failed \(.*\), expected x.gz there"),
        ("http://[", r"ELBOWROOM_MIRROR: found 'http://\[' \(Invalid IPv6 URL\), expected a folder or a URL"),
        ("http://127.0.0.1:port", r"download failed \(nonnumeric port: 'port'.*\), expected x.gz there"),
        ("~nobody-of-that-name/x", r"ELBOWROOM_MIRROR: found '~nobody-of-that-name/x' \(.*\), expected a folder"),
        ("x" * 5000, r"ELBOWROOM_MIRROR: found 'x+\.{3}x+' \(.*File name too long.*\), expected a folder"),
        ("ftp://there/x", r"deep/x.gz: not found, expected in the folder that ELBOWROOM_MIRROR names"),
        ("/dev/null", r"/dev/null/deep/x.gz: not found, expected in the folder"),
    ],
)
def test_a_wrong_mirror_is_an_error(monkeypatch: pytest.MonkeyPatch, server: Server, mirror: str, said: str) -> None:
    monkeypatch.setenv("ELBOWROOM_MIRROR", mirror)
    with pytest.raises(StudyError, match=rf"^[^\n]*{said}[^\n]*$"):
        fetch()


def test_a_cache_folder_that_cannot_be_written_is_an_error(server: Server, tmp_path: Path) -> None:
    server.answers.append(Answer())
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(
        StudyError, match=r"cache/deep/x.gz: cannot be written \(Not a directory\), expected a writable"
    ):
        fetch()
