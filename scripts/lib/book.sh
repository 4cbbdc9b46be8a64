# Builds the book of the documents with MkDocs, into target/site. Sourced.
book_tools=target/book-tools

# Installed again only if the list of versions has changed.
install_book_tools() {
  local requirements=scripts/lib/book/requirements.txt
  ! cmp -s "$requirements" "$book_tools/requirements.txt" || return 0
  rm -rf "$book_tools"
  python3 -m venv "$book_tools"
  "$book_tools/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
    -r "$requirements"
  cp "$requirements" "$book_tools/requirements.txt"
}

# target/book links to what the documents may link to, and leaves out the rest of the tree.
link_book() {
  local entry
  rm -rf target/book
  mkdir -p target/book
  for entry in docs examples LICENSE README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md SECURITY.md; do
    ln -s "../../$entry" "target/book/$entry"
  done
}

mkdocs() { NO_MKDOCS_2_WARNING=1 "$book_tools/bin/mkdocs" "$@"; }

# A link that leads nowhere is an error, and so is a page that makes a browser load something from another host.
build_book() {
  install_book_tools
  link_book
  mkdocs build --strict # with --quiet it would count no warnings
  local loads='<(script|img|iframe|source)[^>]*\ssrc="?(https?:)?//|<link[^>]*rel="?(stylesheet|preload|preconnect|icon)[^>]*//'
  if grep -rlE --include='*.html' "$loads" target/site; then
    echo "these pages load something from another host" >&2
    return 1
  fi
}
