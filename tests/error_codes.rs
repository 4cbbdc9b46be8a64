//! Tests that the error codes of the engine, of lua/websocket/types.lua and of docs/tasks/error-codes.md are
//! the same.

// Helper functions may panic as tests do, but clippy.toml only exempts the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns every error code with its variant, as the function `as_str` gives them.
fn codes() -> Vec<(String, String)> {
    let text = read("src/error.rs");
    let (_, function) = text.split_once("fn as_str(").expect("as_str in src/error.rs");
    let (arms, _) = function.split_once("\n    }\n").expect("the end of as_str");
    let arms = arms.lines().filter_map(|line| line.trim().strip_prefix("ErrorCode::")?.split_once(" => "));
    arms.map(|(variant, code)| (variant.to_owned(), code.trim_matches(['"', ',']).to_owned())).collect()
}

fn names() -> BTreeSet<String> {
    codes().into_iter().map(|(_, code)| code).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the text of every Rust file in a folder and in the folders below it, but of those with tests alone.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            found.push((path, code.to_owned()));
        }
    }
    found
}

#[test]
fn every_error_code_has_a_name_of_its_own() {
    let codes = codes();
    assert!(codes.len() > 5, "{codes:?}");
    assert_eq!(names().len(), codes.len(), "{codes:?}");
}

#[test]
fn the_engine_makes_every_error_code() {
    let sources = sources(&root().join("src"));
    for (variant, _) in codes() {
        let name = format!("ErrorCode::{variant}");
        let named = |(path, code): &(PathBuf, String)| {
            let mut after = code.split(&name).skip(1);
            !path.ends_with("src/error.rs") && after.any(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        assert!(sources.iter().any(named), "nothing makes {name}");
    }
}

#[test]
fn the_type_for_language_servers_lists_the_error_codes_of_the_engine() {
    let text = read("lua/websocket/types.lua");
    let line = text.lines().find_map(|line| line.strip_prefix("--- @alias websocket.ErrorCode ")).unwrap();
    let listed: BTreeSet<String> = line.split('|').map(|code| code.trim_matches('"').to_owned()).collect();
    assert_eq!(listed, names());
}

#[test]
fn the_page_lists_the_error_codes_of_the_engine() {
    let text = read("docs/tasks/error-codes.md");
    let (_, chapters) = text.split_once("\n## When a connection fails\n").unwrap();
    let (chapter, _) = chapters.split_once("\n## Close codes\n").unwrap();
    let cells = chapter.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    assert_eq!(cells.map(|(code, _)| code.to_owned()).collect::<BTreeSet<_>>(), names());
}
