//! Tools that panic in every function.

use sandboxed_sdk::{Tools, export_tools, tools::*};

export_tools!(Panics);

struct Panics;

impl Tools for Panics {
    fn list() -> Vec<Tool> {
        panic!("there is nothing to list")
    }

    fn call(_caller: Caller, name: String, _arguments: String) -> Result<Reply, Failure> {
        panic!("there is no way to call {name}")
    }
}
