"""The page: static files of our own and the charting library's script, which comes with the package lightweight-charts.

Nothing is loaded from another host, and the page's policy says so to the browser.
"""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Response

STATIC = Path(__file__).parent / "static"
CHARTS = "lightweight-charts.js"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def charts_script() -> Path | None:
    """Return the charting library's script; None where its package is not installed. The package is not imported."""
    spec = find_spec("lightweight_charts")
    if spec is None or spec.origin is None:
        return None
    script = Path(spec.origin).parent / "js" / CHARTS
    return script if script.is_file() else None


def page_router() -> APIRouter:
    """Return `/`, `/docs` and `/static/…`: a closed list of files, read once."""
    router = APIRouter(include_in_schema=False)
    files = {path.name: (path.read_bytes(), _TYPES[path.suffix]) for path in STATIC.iterdir() if path.suffix in _TYPES}
    script = charts_script()
    if script is not None:
        files[CHARTS] = (script.read_bytes(), _TYPES[".js"])

    def file(name: str) -> Response:
        body, kind = files.get(name, (b"", ""))
        return Response(body, media_type=kind, headers=HEADERS) if kind else Response(status_code=404)

    @router.get("/")
    async def page() -> Response:
        return file("index.html")

    @router.get("/docs")
    async def docs() -> Response:
        return file("docs.html")

    @router.get("/static/{name}")
    async def static(name: str) -> Response:
        return file(name)

    return router
