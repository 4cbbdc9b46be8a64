//! Passes the linker the arguments that a Lua module needs, for the cdylib only and not for test binaries.
//!
//! Comes in: the target for which cargo builds. Goes out: link arguments. Knows no Lua version and reads no file.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        // `lua_close` unmaps C modules while our threads may still run in them. With this mark the module stays mapped.
        Ok("linux" | "android" | "freebsd" | "netbsd" | "openbsd") => {
            println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
        }
        // The program that loads the module provides Lua's symbols, so they are undefined at link time.
        Ok("macos") => {
            println!("cargo::rustc-link-arg-cdylib=-undefined");
            println!("cargo::rustc-link-arg-cdylib=dynamic_lookup");
        }
        _ => {}
    }
}
