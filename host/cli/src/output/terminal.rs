//! Whether there is a terminal, what it may be sent, and its colours.

use std::{
    borrow::Cow,
    io::{IsTerminal, stderr, stdout},
};

/// What a piece of text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As it is.
    Plain,
    /// Less important.
    Dim,
    /// Headings.
    Bold,
    /// It went well, or was added.
    Good,
    /// It went badly, or was removed.
    Error,
    /// Worth a look.
    Warning,
    /// Places: file names, parts of a diff.
    Place,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "\x1b[2m",
            Self::Bold => "\x1b[1m",
            Self::Good => "\x1b[32m",
            Self::Error => "\x1b[31m",
            Self::Warning => "\x1b[33m",
            Self::Place => "\x1b[36m",
        }
    }
}

/// What standard output is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// Somebody looks at it.
    pub(crate) present: bool,
    /// It may be sent colours.
    pub(crate) colour: bool,
}

impl Terminal {
    /// What standard output is now.
    pub(crate) fn of_stdout() -> Self {
        let present = stdout().is_terminal();
        Self { present, colour: present && wants_colour() }
    }

    /// The text in its colour.
    pub(crate) fn paint<'a>(self, style: Style, text: &'a str) -> Cow<'a, str> {
        paint(self.colour, style, text)
    }

    /// What an agent printed, so that it cannot steer the terminal. Where there is none it stays as it is.
    pub(crate) fn foreign<'a>(self, text: &'a str) -> Cow<'a, str> {
        if self.present { safe(text) } else { Cow::Borrowed(text) }
    }
}

/// The text in its colour, for standard error.
pub(crate) fn paint_stderr(style: Style, text: &str) -> Cow<'_, str> {
    paint(stderr().is_terminal() && wants_colour(), style, text)
}

fn paint(colour: bool, style: Style, text: &str) -> Cow<'_, str> {
    match (colour, style) {
        (false, _) | (_, Style::Plain) => Cow::Borrowed(text),
        (true, style) => Cow::Owned(format!("{}{text}\x1b[0m", style.code())),
    }
}

/// As `NO_COLOR` and `TERM` say (no-color.org).
fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
}

/// The text with control characters shown instead of obeyed: an escape is `␛`. Line ends and tabs stay.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    // Marks that turn the direction of text can make it read as something else than it is.
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.chars().all(|c| harmless(c) && !turns(c)) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n");
    let shown = text.chars().map(|c| match c {
        c if turns(c) => '\u{fffd}',
        c if harmless(c) => c,
        '\u{7f}' => '\u{2421}',
        // The pictures of the control characters stand in Unicode in their order.
        c if c < ' ' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        _ => '\u{fffd}',
    });
    Cow::Owned(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_shown_instead() {
        assert_eq!(safe("\x1b]0;title\x07\x1b[31mred"), "␛]0;title␇␛[31mred");
        assert_eq!(safe("a\rb\x7f\u{9b}c"), "a␍b␡\u{fffd}c");
        assert_eq!(safe("\u{202e}evil"), "\u{fffd}evil");
    }

    #[test]
    fn text_stays_as_it_is() {
        let text = "tab\tline\nümlaut 日本語 🙂";
        assert!(matches!(safe(text), Cow::Borrowed(same) if same == text));
        assert_eq!(safe("windows\r\n"), "windows\n");
    }

    #[test]
    fn without_a_terminal_bytes_pass_and_nothing_is_coloured() {
        let pipe = Terminal { present: false, colour: false };
        assert_eq!(pipe.foreign("\x1b[31mred"), "\x1b[31mred");
        assert_eq!(pipe.paint(Style::Error, "x"), "x");
    }
}
