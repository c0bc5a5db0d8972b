//! Files and commands of a workspace, as tools for agents and people.

mod files;
mod run;
mod schema;

use sandboxed_sdk::{Tools, export_tools, failure, manifest, tools::*};

manifest!("../plugin.toml");
export_tools!(Workspace);

struct Workspace;

impl Tools for Workspace {
    fn list() -> Vec<Tool> {
        schema::tools()
    }

    fn call(_caller: Caller, name: String, arguments: String) -> Result<Reply, Failure> {
        match name.as_str() {
            "list_files" => files::list(parse(&arguments)?),
            "read_file" => files::read(parse(&arguments)?),
            "write_file" => files::write(parse(&arguments)?),
            "edit_file" => files::edit(parse(&arguments)?),
            "delete_file" => files::delete(parse(&arguments)?),
            "run_command" => run::run(parse(&arguments)?),
            _ => Err(failure!(Config, "tools.unknown", "there is no tool {name:?}")),
        }
    }
}

/// The host has checked the arguments against the schema, so that a mismatch here is a mistake of this plugin.
fn parse<T: serde::de::DeserializeOwned>(arguments: &str) -> Result<T, Failure> {
    serde_json::from_str(arguments)
        .map_err(|error| failure!(Plugin, "tools.arguments_invalid", "the arguments do not fit: {error}"))
}

/// What a model can mend by other arguments is an answer; everything else stays a failure.
fn answer(result: Result<Reply, Failure>) -> Result<Reply, Failure> {
    result.or_else(|failure| match failure.blame {
        Blame::Config | Blame::Unavailable | Blame::Deadline => Ok(Reply::error(format!(
            "{}{}",
            failure.message,
            failure.hint.map(|hint| format!(" ({hint})")).unwrap_or_default()
        ))),
        _ => Err(failure),
    })
}
