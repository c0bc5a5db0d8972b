//! Finds, among the tools that an agent offers, the one that runs shell commands.

use crate::{
    asked::Tool,
    json::{Obj, text_of},
    reply::{Block, Call},
};

/// The names under which agents offer a shell.
const NAMES: [&str; 9] = [
    "Bash",
    "bash",
    "exec_command",
    "shell",
    "shell_command",
    "local_shell",
    "run_shell_command",
    "run_terminal_command",
    "developer__shell",
];

/// A call of the shell, or a text that there is none.
pub(crate) fn call(command: &str, tools: &[Tool]) -> Block {
    if let Some(tool) = NAMES.iter().find_map(|name| tools.iter().find(|tool| tool.name == *name && !tool.custom)) {
        let argument = ["command", "cmd"]
            .into_iter()
            .find(|name| tool.arguments.iter().any(|argument| argument == name))
            .unwrap_or("command");
        let mut input = Obj::new().put(argument, command);
        // Gemini CLI and Claude Code ask for a reason, which they show.
        if tool.arguments.iter().any(|argument| argument == "description") {
            input = input.put("description", "Runs a command");
        }
        return Block::Tool(Call {
            id: None,
            name: tool.name.clone(),
            namespace: tool.namespace.clone(),
            input: input.text(),
            custom: false,
        });
    }
    // Codex lets models that it knows write programs.
    if let Some(tool) = tools.iter().find(|tool| tool.custom && tool.name == "exec") {
        return Block::Tool(Call {
            id: None,
            name: tool.name.clone(),
            namespace: tool.namespace.clone(),
            input: format!("await tools.exec_command({{ cmd: {} }})", text_of(command)),
            custom: true,
        });
    }
    Block::Text(String::from("no tool of the request runs shell commands"))
}
