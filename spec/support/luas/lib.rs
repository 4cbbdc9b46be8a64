//! Contains nothing. Cargo wants a crate to have a library or a program, and this one only names its dependencies.
