"""Helpers to look at pages: their tags, and in a browser their video players."""

from html.parser import HTMLParser
from typing import Any

from support.browser import Tab

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'

# Only videos in view are measured: measuring others would lay out what the page leaves out.
CLIPS = """[...document.querySelectorAll("video")].map((video) => {
  const inView = ({ top, bottom, left }) => top < innerHeight && bottom > 0 && left < innerWidth;
  const near = inView(video.closest("section").getBoundingClientRect());
  const box = near ? video.getBoundingClientRect() : { height: 0, top: innerHeight };
  return { width: video.videoWidth, height: box.height, at: video.currentTime,
    plays: video.currentTime > 0 && !video.paused, muted: video.muted,
    crisp: near && getComputedStyle(video).imageRendering === "pixelated",
    waits: !video.hasAttribute("src"), seen: inView(box) };
})"""
WIDER = "document.documentElement.scrollWidth > innerWidth"
COUNT = "document.getElementById('count')?.value"
FIRST = "document.querySelector('section:not([hidden]) h2').textContent"


class Tags(HTMLParser):
    """Every tag of a page with its attributes, as a browser would read it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attributes) -> None:
        self.found.append((tag, dict(attributes)))

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == name]


def safe(html: str) -> bool:
    """Whether a page that shows `HOSTILE` has one script, its own, and no handlers in tags."""
    tags = Tags(html)
    handlers = [
        name for _, attributes in tags.found for name in attributes if name.startswith("on")
    ]
    return len(tags.named("script")) == 1 and not tags.named("img") and not handlers


def choose(tab: Tab, id: str, value: str) -> None:
    """Sets a field of the page as typing or choosing a value does."""
    kind = "change" if id == "sort" else "input"
    tab.look(f"""(() => {{ const field = document.getElementById("{id}"); field.value = "{value}";
        field.dispatchEvent(new Event("{kind}")); }})()""")


def seen(clips: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the videos in the window."""
    return [clip for clip in clips if clip["seen"]]


def playing(tab: Tab) -> list[dict[str, Any]]:
    """Returns all players, once those in the window play."""
    return tab.until(
        CLIPS, lambda clips: bool(seen(clips)) and all(clip["plays"] for clip in seen(clips))
    )
