"""Puts the pages that a pattern names into the navigation of the book. MkDocs calls on_config before it reads pages.

Comes in: the configuration of mkdocs.yml, whose `nav` may hold patterns such as docs/tasks/*.md. Goes out: the same with
the pages in their place. A section without a page is left out.
"""

from pathlib import Path


def on_config(config):
    folder = Path(config["docs_dir"])
    named = set(paths_of(config["nav"]))
    config["nav"] = expanded(config["nav"], folder, named)
    return config


def paths_of(entries):
    """Yields the path of every page that an entry names by itself."""
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            if isinstance(value, list):
                yield from paths_of(value)
            elif "*" not in value:
                yield value


def expanded(entries, folder, named):
    found = []
    for entry in entries:
        if isinstance(entry, str) and "*" in entry:
            pages = sorted(path.relative_to(folder).as_posix() for path in folder.glob(entry))
            pages = [page for page in pages if page not in named]
            named.update(pages)
            found += pages
        elif isinstance(entry, dict) and isinstance(pages := next(iter(entry.values())), list):
            pages = expanded(pages, folder, named)
            if pages:
                found.append({next(iter(entry)): pages})
        else:
            found.append(entry)
    return found
