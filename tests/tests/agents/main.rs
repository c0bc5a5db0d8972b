//! Real agents, as their makers publish them, in workspaces: each asks a scripted provider by the server's gateway.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod approving;
mod crashing;
mod given;
mod interrupting;
mod refusing;
mod working;

use sandboxed_tests::agents::{AGENTS, Lab};

/// Runs the command that the person names and says what it printed; says what else it is told.
const OBEDIENT: &str = r#"
[[reply]]
name = "result"
when = { tool_result = true, tools = true }
text = "It printed: ${tool_result}"
usage = { input = 300, output = 30 }

[[reply]]
name = "write"
when = { user_contains = "write the file", tools = true, tool_result = false }
content = [{ type = "shell", command = "echo hello from the agent | tee hello.txt" }]
usage = { input = 200, output = 20 }

# Not `sh -c` alone: Gemini now and then takes that off and leaves the quotes.
[[reply]]
name = "wait"
when = { user_contains = "wait for ever", tools = true, tool_result = false }
content = [{ type = "shell", command = "env sh -c 'until [ -e enough ]; do sleep 0.1; done; echo went on' MARK" }]
usage = { input = 200, output = 20 }

[[reply]]
name = "remember"
when = { user_contains = "what did I say", tools = true }
text = "You have said ${user_messages} things."
usage = { input = 100, output = 10 }

[[reply]]
name = "slow"
when = { user_contains = "slowly", tools = true }
text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
chunk = 5
pace = { first_ms = 50, between_ms = 150 }
usage = { input = 100, output = 40 }

[[reply]]
name = "else"
text = "I heard you."
usage = { input = 10, output = 1 }
"#;
