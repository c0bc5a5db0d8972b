//! A mission as a person reads it while it goes.

use std::{collections::HashMap, fmt::Write as _};

use sandboxed_model::{
    Failure, MissionId,
    ask::{Approval, AskStatus, Question},
    command::OutputStream,
    event::{
        ChangeKind, Connections, Event, EventBody, FileChange, Message, MessageRole, Notice, NoticeLevel, OpenedPort,
        PlanEntry, PortsOpened, Retry, ToolCall, ToolOutput, ToolStatus, TurnEnded, Usage, UsageSource,
    },
    harness::TurnOutcome,
};

use super::{Style, Terminal, dollars};

/// Turns events into text. It remembers what is on the present line.
pub(crate) struct Transcript {
    terminal: Terminal,
    /// Show what the person wrote and how each turn ended: for missions that were not begun just now by this command.
    whole: bool,
    /// What the present line belongs to, where it is not ended.
    open_line: Option<String>,
    last_prompt: String,
    calls: HashMap<String, ToolStatus>,
}

impl Transcript {
    /// The transcript of one turn that this command began, whose end is told elsewhere.
    pub(crate) fn of_run(terminal: Terminal) -> Self {
        Self { terminal, whole: false, open_line: None, last_prompt: String::new(), calls: HashMap::new() }
    }

    /// The transcript of a mission with all its turns.
    pub(crate) fn whole(terminal: Terminal) -> Self {
        Self { whole: true, ..Self::of_run(terminal) }
    }

    /// What an event adds.
    pub(crate) fn render(&mut self, event: &Event) -> String {
        let mut out = String::new();
        match &event.body {
            EventBody::Message(message) => self.message(&mut out, message),
            EventBody::Thought(thought) => self.text(&mut out, &thought.id, Style::Dim, &thought.text),
            EventBody::ToolCall(call) => self.tool_call(&mut out, call),
            EventBody::ToolOutput(output) => self.tool_output(&mut out, output),
            EventBody::Approval(approval) => self.approval(&mut out, event.mission, approval),
            EventBody::Question(question) => self.question(&mut out, event.mission, question),
            EventBody::Plan(plan) => self.plan(&mut out, &plan.entries),
            EventBody::FileChange(change) => self.file_change(&mut out, change),
            EventBody::Notice(notice) => self.notice(&mut out, notice),
            EventBody::Retry(retry) => self.retry(&mut out, retry),
            EventBody::Ports(ports) => self.ports(&mut out, ports),
            EventBody::Connections(connections) => self.connections(&mut out, connections),
            EventBody::Error(failure) => self.error(&mut out, failure),
            EventBody::Usage(usage) if self.whole && usage.source == UsageSource::Gateway => {
                self.usage(&mut out, usage)
            }
            EventBody::TurnEnded(end) if self.whole => self.turn_ended(&mut out, event.turn, end),
            // They are bookkeeping, or their matter is told by the events around them.
            EventBody::State(_)
            | EventBody::TurnStarted(_)
            | EventBody::TurnEnded(_)
            | EventBody::RunStarted(_)
            | EventBody::RunEnded(_)
            | EventBody::Session(_)
            | EventBody::Usage(_)
            | EventBody::Other(_) => {}
        }
        out
    }

    /// What ends the present line, if there is one.
    pub(crate) fn finish(&mut self) -> &'static str {
        if self.open_line.take().is_some() { "\n" } else { "" }
    }

    fn line(&mut self, out: &mut String, style: Style, text: &str) {
        out.push_str(self.finish());
        for line in self.terminal.foreign(text).lines() {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{}", self.terminal.paint(style, line));
        }
    }

    /// Text that goes on where the last piece of the same thing ended.
    fn text(&mut self, out: &mut String, id: &str, style: Style, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.open_line.as_deref().is_some_and(|open| open != id) {
            out.push_str(self.finish());
        }
        let foreign = self.terminal.foreign(text);
        out.push_str(&self.terminal.paint(style, &foreign));
        self.open_line = (!text.ends_with('\n')).then(|| id.to_owned());
    }

    fn message(&mut self, out: &mut String, message: &Message) {
        match message.role {
            MessageRole::User => {
                self.last_prompt = message.text.trim().to_owned();
                if self.whole || self.terminal.present {
                    let prompt: String = message.text.trim_end().lines().map(|line| format!("› {line}\n")).collect();
                    self.line(out, Style::Dim, &prompt);
                    for file in &message.attachments {
                        self.line(out, Style::Dim, &format!("› + {file}"));
                    }
                }
            }
            MessageRole::Agent => self.text(out, &message.id, Style::Plain, &message.text),
            MessageRole::System => self.text(out, &message.id, Style::Dim, &message.text),
        }
    }

    fn tool_call(&mut self, out: &mut String, call: &ToolCall) {
        let before = self.calls.insert(call.id.clone(), call.status);
        // A shell's call is the prompt itself, which was shown already.
        let title = call.title.trim_end_matches('…').trim();
        if before.is_none() && !self.last_prompt.contains(title) {
            self.line(out, Style::Bold, &format!("▸ {}", call.title));
        }
        if call.status == ToolStatus::Failed && before != Some(ToolStatus::Failed) && self.whole {
            let how = call.exit_code.map_or_else(|| "failed".to_owned(), |code| format!("exit code {code}"));
            self.line(out, Style::Error, &format!("▸ {how}"));
        }
    }

    fn tool_output(&mut self, out: &mut String, output: &ToolOutput) {
        if output.omitted_bytes > 0 {
            self.line(out, Style::Dim, &format!("… {} bytes left out …", output.omitted_bytes));
        }
        let style = match output.stream {
            OutputStream::Stdout => Style::Plain,
            OutputStream::Stderr => Style::Warning,
        };
        self.text(out, &output.id, style, &output.text);
    }

    fn approval(&mut self, out: &mut String, mission: MissionId, approval: &Approval) {
        let Approval { id, status, title, .. } = approval;
        match status {
            AskStatus::Open => {
                self.line(out, Style::Warning, &format!("? the agent asks to do: {title}"));
                let commands = [
                    format!("  sandboxed-sh missions approve {mission} {id}"),
                    format!("  sandboxed-sh missions deny {mission} {id}"),
                ];
                self.line(out, Style::Dim, &commands.join("\n"));
            }
            AskStatus::Approved => self.line(out, Style::Dim, &format!("? approved: {title}")),
            AskStatus::Denied => self.line(out, Style::Warning, &format!("? denied: {title}")),
            AskStatus::Answered | AskStatus::Withdrawn => {}
        }
    }

    fn question(&mut self, out: &mut String, mission: MissionId, question: &Question) {
        if question.status != AskStatus::Open {
            return;
        }
        for item in &question.items {
            self.line(out, Style::Warning, &format!("? {}", item.text));
            for choice in &item.choices {
                let more = choice.description.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
                self.line(out, Style::Plain, &format!("  - {}{more}", choice.label));
            }
        }
        let blanks = vec!["ANSWER"; question.items.len()].join(" ");
        let command = format!("  sandboxed-sh missions answer {mission} --ask {} {blanks}", question.id);
        self.line(out, Style::Dim, &command);
    }

    fn plan(&mut self, out: &mut String, entries: &[PlanEntry]) {
        for entry in entries {
            let mark = match entry.status {
                ToolStatus::Completed => "x",
                ToolStatus::Running => ">",
                ToolStatus::Failed => "!",
                ToolStatus::Pending => " ",
            };
            self.line(out, Style::Plain, &format!("[{mark}] {}", entry.text));
        }
    }

    fn file_change(&mut self, out: &mut String, change: &FileChange) {
        let letter = match change.change {
            ChangeKind::Created => "A",
            ChangeKind::Modified => "M",
            ChangeKind::Deleted => "D",
        };
        let counts = match (change.added_lines, change.removed_lines) {
            (None, None) => String::new(),
            (added, removed) => format!(" (+{} −{})", added.unwrap_or(0), removed.unwrap_or(0)),
        };
        let path = change.path.replace('\n', "␊");
        self.line(out, Style::Place, &format!("  {letter} {path}{counts}"));
        let diff = change.diff.as_deref().unwrap_or_default();
        // The head of a diff names the file once more, and what it was and is in the repository.
        let hunks = if diff.starts_with("@@") { Some(0) } else { diff.find("\n@@").map(|end| end + 1) };
        for line in diff[hunks.unwrap_or(0)..].lines() {
            let style = match line.as_bytes() {
                [b'+', ..] => Style::Good,
                [b'-', ..] => Style::Error,
                [b'@', ..] => Style::Place,
                _ => Style::Plain,
            };
            self.line(out, style, &format!("    {line}"));
        }
    }

    fn notice(&mut self, out: &mut String, notice: &Notice) {
        let (style, word) = match notice.level {
            NoticeLevel::Info => (Style::Dim, "note"),
            NoticeLevel::Warning => (Style::Warning, "warning"),
            NoticeLevel::Error => (Style::Error, "error"),
        };
        self.line(out, style, &format!("{word}: {}", notice.text));
    }

    fn retry(&mut self, out: &mut String, retry: &Retry) {
        let seconds = f64::from(retry.delay_ms) / 1000.0;
        self.line(out, Style::Warning, &format!("attempt {} in {seconds:.1} s: {}", retry.attempt + 1, retry.reason));
    }

    /// Only what was refused: all else is what the agent expects.
    fn connections(&mut self, out: &mut String, connections: &Connections) {
        let Connections { host, port, allowed, reason, .. } = connections;
        if !allowed {
            let reason = reason.replace('_', " ");
            self.line(out, Style::Warning, &format!("the workspace was kept from {host}:{port}: {reason}"));
        }
    }

    fn usage(&mut self, out: &mut String, usage: &Usage) {
        let model = usage.model.as_deref().unwrap_or("a model");
        let cost = usage.cost_micro_usd.map_or_else(|| "at an unknown cost".to_owned(), dollars);
        let mut text = format!("{model}: {} tokens in, {} out, {cost}", all_input(usage), usage.output);
        if let Some(said) = &usage.reported {
            let said = Usage {
                input: said.input,
                output: said.output,
                cache_read: said.cache_read,
                cache_write: said.cache_write,
                cost_micro_usd: said.cost_micro_usd,
                ..Usage::default()
            };
            let differs = (all_input(&said), said.output) != (all_input(usage), usage.output)
                || said.cost_micro_usd.is_some_and(|cost| Some(cost) != usage.cost_micro_usd);
            if differs {
                let cost = said.cost_micro_usd.map(|cost| format!(", {}", dollars(cost))).unwrap_or_default();
                // Writing to a string cannot fail.
                let _ = write!(text, "; the agent says {} in, {} out{cost}", all_input(&said), said.output);
            }
        }
        self.line(out, Style::Dim, &text);
    }

    fn ports(&mut self, out: &mut String, ports: &PortsOpened) {
        for OpenedPort { port, process } in &ports.opened {
            let process = process.as_ref().map(|process| format!(" ({process})")).unwrap_or_default();
            self.line(out, Style::Place, &format!("something listens on port {port} of the workspace{process}"));
        }
    }

    fn error(&mut self, out: &mut String, failure: &Failure) {
        self.line(out, Style::Error, &format!("error: {failure}"));
        if let Some(hint) = &failure.hint {
            self.line(out, Style::Dim, &format!("hint: {hint}"));
        }
    }

    fn turn_ended(&mut self, out: &mut String, turn: u32, end: &TurnEnded) {
        let (style, word) = match end.outcome {
            TurnOutcome::Completed => (Style::Good, "completed"),
            TurnOutcome::Failed => (Style::Error, "failed"),
            TurnOutcome::Interrupted => (Style::Warning, "interrupted"),
        };
        self.line(out, style, &format!("turn {turn} {word}: {}", end.reason));
    }
}

fn all_input(usage: &Usage) -> u64 {
    usage.input.saturating_add(usage.cache_read).saturating_add(usage.cache_write)
}

#[cfg(test)]
mod tests {
    use sandboxed_model::{
        MissionId, Seq, Timestamp,
        event::{ReportedUsage, ToolKind},
    };

    use super::*;

    const PIPE: Terminal = Terminal { present: false, colour: false };
    const SCREEN: Terminal = Terminal { present: true, colour: true };

    fn event(body: EventBody) -> Event {
        Event { mission: MissionId::new(), seq: Seq(1), at: Timestamp::from_millis(0), turn: 1, body }
    }

    fn rendered(mut transcript: Transcript, bodies: impl IntoIterator<Item = EventBody>) -> String {
        let mut text = String::new();
        for body in bodies {
            text.push_str(&transcript.render(&event(body)));
        }
        text.push_str(transcript.finish());
        text
    }

    fn output(stream: OutputStream, text: &str) -> EventBody {
        EventBody::ToolOutput(ToolOutput { id: "1".to_owned(), stream, text: text.to_owned(), omitted_bytes: 0 })
    }

    fn message(role: MessageRole, id: &str, text: &str) -> EventBody {
        EventBody::Message(Message {
            id: id.to_owned(),
            role,
            parent: None,
            text: text.to_owned(),
            attachments: Vec::new(),
        })
    }

    #[test]
    fn pieces_of_one_line_stay_on_one_line() {
        let pieces = [
            output(OutputStream::Stdout, "one "),
            output(OutputStream::Stdout, "line"),
            output(OutputStream::Stdout, "\nnext"),
        ];
        assert_eq!(rendered(Transcript::of_run(PIPE), pieces), "one line\nnext\n");
    }

    #[test]
    fn something_else_begins_a_line_of_its_own() {
        let bodies = [
            message(MessageRole::Agent, "a", "I looked"),
            output(OutputStream::Stdout, "out"),
            EventBody::FileChange(FileChange {
                path: "src/a.rs".to_owned(),
                change: ChangeKind::Modified,
                size: 3,
                added_lines: Some(3),
                removed_lines: Some(1),
                diff: Some("--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1 +1 @@\n-b\n+B\n".to_owned()),
            }),
        ];
        assert_eq!(
            rendered(Transcript::of_run(PIPE), bodies),
            "I looked\nout\n  M src/a.rs (+3 −1)\n    @@ -1 +1 @@\n    -b\n    +B\n"
        );
    }

    #[test]
    fn what_an_agent_prints_cannot_steer_the_terminal() {
        let text = rendered(Transcript::of_run(SCREEN), [output(OutputStream::Stdout, "\x1b[2Jgone")]);
        assert_eq!(text, "␛[2Jgone\n");
    }

    #[test]
    fn bytes_pass_unchanged_into_a_pipe() {
        let text = rendered(Transcript::of_run(PIPE), [output(OutputStream::Stdout, "\x1b[2Jgone")]);
        assert_eq!(text, "\x1b[2Jgone\n");
    }

    #[test]
    fn standard_error_differs_in_colour_only() {
        assert_eq!(rendered(Transcript::of_run(PIPE), [output(OutputStream::Stderr, "oops\n")]), "oops\n");
        let text = rendered(Transcript::of_run(SCREEN), [output(OutputStream::Stderr, "oops\n")]);
        assert!(text.starts_with("\x1b[33moops"), "{text:?}");
    }

    #[test]
    fn the_call_that_is_the_prompt_itself_is_not_shown_twice() {
        let call = |title: &str| {
            EventBody::ToolCall(ToolCall {
                id: title.to_owned(),
                parent: None,
                title: title.to_owned(),
                kind: ToolKind::Execute,
                status: ToolStatus::Running,
                input: serde_json::Value::Null,
                exit_code: None,
                edits: Vec::new(),
            })
        };
        let text = rendered(
            Transcript::whole(PIPE),
            [message(MessageRole::User, "u", "echo hi\n"), call("echo hi"), call("read a.txt")],
        );
        assert_eq!(text, "› echo hi\n▸ read a.txt\n");
    }

    #[test]
    fn a_whole_transcript_tells_how_each_turn_ended() {
        let end = EventBody::TurnEnded(TurnEnded { outcome: TurnOutcome::Failed, reason: "exit code 7".to_owned() });
        let usage = EventBody::Usage(Usage::default());
        assert_eq!(rendered(Transcript::whole(PIPE), [usage.clone(), end.clone()]), "turn 1 failed: exit code 7\n");
        assert_eq!(rendered(Transcript::of_run(PIPE), [usage, end]), "");
    }

    #[test]
    fn what_the_gateway_counted_is_told_beside_what_the_agent_says_where_they_differ() {
        let counted = |reported| {
            EventBody::Usage(Usage {
                model: Some("big".to_owned()),
                input: 100,
                cache_read: 900,
                output: 20,
                cost_micro_usd: Some(12_345),
                source: UsageSource::Gateway,
                reported,
                ..Usage::default()
            })
        };
        let said =
            |input, cost| Some(ReportedUsage { input, output: 20, cost_micro_usd: cost, ..ReportedUsage::default() });

        let shown = rendered(Transcript::whole(PIPE), [counted(said(1000, None))]);
        assert_eq!(shown, "big: 1000 tokens in, 20 out, $0.01\n");
        let shown = rendered(Transcript::whole(PIPE), [counted(said(700, Some(5_000)))]);
        assert_eq!(shown, "big: 1000 tokens in, 20 out, $0.01; the agent says 700 in, 20 out, $0.005\n");
    }
}
