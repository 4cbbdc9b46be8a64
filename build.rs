//! Passes the linker the arguments that a Lua module needs.
//!
//! Comes in: the target for which cargo builds, and whether it builds for a Lua. Goes out: link arguments. Reads no file.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The tests and the command-line client are built without Lua, and are no module.
    if !std::env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("CARGO_FEATURE_LUA")) {
        return;
    }
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        // `lua_close` unmaps C modules while our threads may still run in them. With this mark the module stays mapped.
        Ok("linux" | "android" | "freebsd" | "netbsd" | "openbsd") => {
            println!("cargo::rustc-link-arg=-Wl,-z,nodelete");
        }
        // The program that loads the module provides Lua's symbols, so they are undefined at link time.
        Ok("macos") => {
            println!("cargo::rustc-link-arg=-undefined");
            println!("cargo::rustc-link-arg=dynamic_lookup");
        }
        _ => {}
    }
}
