//! Passes the linker what a Lua module needs, to the cdylib alone: test binaries and the rlib get nothing.
//!
//! In: the target that cargo builds for. Out: link arguments. It knows no Lua version and reads no file.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        // `lua_close` unmaps C modules while our threads still run in them; a module marked so stays mapped.
        Ok("linux" | "android" | "freebsd" | "netbsd" | "openbsd") => {
            println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
        }
        // Lua's symbols come from the program that loads the module, so they are undefined at link time.
        Ok("macos") => {
            println!("cargo::rustc-link-arg-cdylib=-undefined");
            println!("cargo::rustc-link-arg-cdylib=dynamic_lookup");
        }
        _ => {}
    }
}
