"""What a page is made of, as far as tests judge it."""

from html.parser import HTMLParser

OUTSIDE = ("https://open.spotify.com", "https://developer.spotify.com/dashboard")
_VOID = frozenset({"br", "img", "input", "link", "meta"})


class Markup(HTMLParser):
    """A page's elements, in order, with what is wrong with them by the project's rules."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]
        self._judge_references()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element and judge it by itself."""
        given = {name: value or "" for name, value in attrs}
        self.elements.append((tag, given))
        if tag not in _VOID:
            self._open.append(tag)
        names = {name for name in given if name == "style" or name.startswith("on")}
        self.faults += [f"<{tag}> has {name}" for name in names]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.faults.append(f"<{tag}> inside the page")
        if tag == "img" and not given.get("alt"):
            self.faults.append("a picture says nothing")
        for name in ("href", "src", "action"):
            target = given.get(name, "/")
            inside = target.startswith(("/", "#")) and not target.startswith("//")
            if not inside and not target.startswith(OUTSIDE) and tag != "img":
                self.faults.append(f"<{tag}> leads to {target}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element that holds nothing."""
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which must be this one."""
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of every element of a kind."""
        return [given for found, given in self.elements if found == tag]

    def _judge_references(self) -> None:
        ids = [given["id"] for _, given in self.elements if "id" in given]
        self.faults += [f"id {name} twice" for name in set(ids) if ids.count(name) > 1]
        for tag, given in self.elements:
            for name in ("aria-describedby", "aria-labelledby", "for"):
                missing = [one for one in given.get(name, "").split() if one not in ids]
                self.faults += [f"<{tag}> {name} leads nowhere: {one}" for one in missing]
        if len(self.all("h1")) != 1:
            self.faults.append("a page has one h1")


def judged(text: str) -> Markup:
    """Return a page's markup; fails when it breaks a rule."""
    found = Markup(text)

    assert [] == found.faults
    return found
