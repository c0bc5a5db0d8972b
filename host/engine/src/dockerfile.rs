//! Instructions by which an engine builds an image, read before the engine sees them.
//!
//! An engine builds with more rights than a workspace has: it fetches what `ADD` names from wherever its own machine reaches,
//! and some instructions ask for the machine's network or for other images. So only what is understood here is let through.
//! Wherever this reads otherwise than an engine does, it must see more instructions and not fewer.

use crate::ImageReference;

/// The longest text that is read.
const LONGEST: usize = 64 * 1024;

/// Instructions that stand for themselves.
const PLAIN: [&str; 13] = [
    "ARG",
    "CMD",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// What instructions need besides themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dockerfile {
    /// Images that they begin with or copy from, in their order.
    pub(crate) bases: Vec<ImageReference>,
}

/// Instructions that no image is built by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Dockerfile cannot be used (line {line}): {reason}")]
pub struct InvalidDockerfile {
    line: usize,
    reason: String,
}

impl Dockerfile {
    /// Reads instructions. `network`: the build may reach what its engine's machine does. `allowed`: images that may be
    /// begun with, a `*` at the end of one standing for anything.
    pub(crate) fn read(text: &str, network: bool, allowed: Option<&[String]>) -> Result<Self, InvalidDockerfile> {
        let refused = |line, reason: &str| InvalidDockerfile { line, reason: reason.to_owned() };
        if text.len() > LONGEST {
            return Err(refused(1, "it is longer than 64 KiB"));
        }
        let (mut bases, mut stages) = (Vec::new(), Vec::new());
        for (line, instruction) in instructions(text)? {
            let (word, rest) = instruction.split_once([' ', '\t']).unwrap_or((&instruction, ""));
            let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
            match word.to_ascii_uppercase().as_str() {
                "FROM" => {
                    let image = words.find(|word| !word.starts_with("--")).unwrap_or_default();
                    if image != "scratch" && !stages.iter().any(|stage| *stage == image.to_ascii_lowercase()) {
                        bases.push(base(image, allowed).map_err(|reason| InvalidDockerfile { line, reason })?);
                    }
                    let name = match (words.next(), words.next()) {
                        (Some(word), Some(name)) if word.eq_ignore_ascii_case("as") => name.to_ascii_lowercase(),
                        (None, _) => String::new(),
                        _ => return Err(refused(line, "FROM is followed by an image and perhaps AS and a name")),
                    };
                    stages.push(name);
                }
                _ if stages.is_empty() && !word.eq_ignore_ascii_case("ARG") => {
                    return Err(refused(line, "it must begin with FROM"));
                }
                "COPY" => {
                    for flag in words.take_while(|word| word.starts_with("--")) {
                        let Some(from) = flag.strip_prefix("--from=") else { continue };
                        let earlier = from.parse().is_ok_and(|number: usize| number + 1 < stages.len())
                            || stages[..stages.len() - 1].contains(&from.to_ascii_lowercase());
                        if !earlier {
                            bases.push(base(from, allowed).map_err(|reason| InvalidDockerfile { line, reason })?);
                        }
                    }
                }
                "RUN" if rest.trim_start_matches([' ', '\t']).starts_with("--") => {
                    return Err(refused(line, "RUN takes no options here"));
                }
                "RUN" => {}
                "ADD" if network => {}
                "ADD" => {
                    let reason = "ADD fetches from wherever the engine's machine reaches, and the workspace's network does \
                                  not; only a workspace with the network shared may use it";
                    return Err(refused(line, reason));
                }
                plain if PLAIN.contains(&plain) => {}
                other => return Err(refused(line, &format!("{:?} is no instruction that is known here", cut(other)))),
            }
        }
        match stages.is_empty() {
            true => Err(refused(1, "it has no FROM")),
            false => Ok(Self { bases }),
        }
    }
}

/// An image that may be begun with.
fn base(image: &str, allowed: Option<&[String]>) -> Result<ImageReference, String> {
    let fits = |pattern: &String| match pattern.strip_suffix('*') {
        Some(start) => image.starts_with(start),
        None => image == pattern,
    };
    let reference: ImageReference = image
        .parse()
        .map_err(|_| format!("{:?} is no image by its name, or is put together from variables", cut(image)))?;
    match allowed.is_none_or(|allowed| allowed.iter().any(fits)) {
        true => Ok(reference),
        false => Err(format!("workspaces may not be made from the image {}", cut(image))),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The instructions with the lines on which they begin, each on one line.
fn instructions(text: &str) -> Result<Vec<(usize, String)>, InvalidDockerfile> {
    let mut found = Vec::new();
    let mut begun: Option<(usize, String)> = None;
    for (place, line) in text.split('\n').enumerate() {
        let refused = |reason: &str| InvalidDockerfile { line: place + 1, reason: reason.to_owned() };
        if line.chars().any(|c| c != '\t' && c.is_control() || c != ' ' && c.is_whitespace() && c != '\t') {
            return Err(refused("it holds a control character or an unusual space"));
        }
        let trimmed = line.trim_start_matches([' ', '\t']);
        if let Some(comment) = trimmed.strip_prefix('#') {
            // These are read by some engines and come first, but comments anywhere are looked at the same way.
            let directive = comment.trim().to_ascii_lowercase();
            if ["escape", "syntax"]
                .iter()
                .any(|name| directive.strip_prefix(name).is_some_and(|it| it.trim_start().starts_with('=')))
            {
                return Err(refused("it may not choose another escape character or syntax"));
            }
            continue;
        }
        if trimmed.is_empty() {
            continue;
        }
        let (start, mut whole) = begun.take().unwrap_or((place + 1, String::new()));
        let part = if whole.is_empty() { trimmed } else { line };
        match part.trim_end_matches([' ', '\t']).strip_suffix('\\') {
            // Engines differ in whether this goes on.
            Some(part) if part.ends_with('\\') => return Err(refused("it ends with two backslashes")),
            Some(part) => {
                whole.push_str(part);
                begun = Some((start, whole));
            }
            None => {
                whole.push_str(part);
                found.push((start, whole));
            }
        }
    }
    found.extend(begun);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(text: &str) -> Result<Vec<String>, String> {
        let allowed = ["debian:bookworm".to_owned(), "ghcr.io/acme/*".to_owned()];
        let read = Dockerfile::read(text, false, Some(&allowed));
        read.map(|it| it.bases.iter().map(ToString::to_string).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_an_image_is_made_from_is_found() {
        let text = "# a comment \\\nARG A=1\nFROM debian:bookworm AS one\nRUN apt-get update && \\\n  # why\n\n  apt-get install x\n\
                    from one as two\nCOPY --from=one --chown=1:1 /a /b\nCOPY --from=0 /a /c\n\
                    COPY --from=ghcr.io/acme/tools:2 /t /t\nENV A=b\nCMD [\"sh\"]\nFROM scratch\nCOPY --from=two / /\n";
        assert_eq!(bases(text), Ok(vec!["debian:bookworm".to_owned(), "ghcr.io/acme/tools:2".to_owned()]));
    }

    #[test]
    fn what_would_reach_more_than_a_build_may_is_refused() {
        let begin = "FROM debian:bookworm\n";
        for line in [
            "ADD http://127.0.0.1/ /x",
            "add a b",
            "  ADD a b",
            "AD\\\nD http://127.0.0.1/ /x",
            "RUN --network=host id",
            "RUN --mount=type=bind,from=other id",
            "RUN \\\n --mount=type=bind id",
            "ONBUILD ADD http://127.0.0.1/ /x",
            "COPY --from=debian:sid / /",
            "COPY --chown=1 --from=debian:sid / /",
            "COPY --from=1 / /",
            "FROM debian:sid",
            "FROM $BASE",
            "FROM --platform=x debian:sid",
            "FROM debian:bookworm AS a b\nFROM b",
            "RUN <<EOF\nid\nEOF",
            "RUN a \\\n# escape=`\n b",
            "INCLUDE x",
            "RUN a\u{85}ADD b",
            "RUN a\rADD b",
            "RUN a\\\\\nADD b",
        ] {
            assert!(bases(&format!("{begin}{line}")).is_err(), "{line}");
        }
        for text in ["", "# escape=`\nFROM debian:bookworm", "#syntax = x\nFROM debian:bookworm", "RUN id"] {
            assert!(bases(text).is_err(), "{text}");
        }
    }

    #[test]
    fn with_the_machines_network_it_may_add_from_there() {
        assert!(Dockerfile::read("FROM any:1\nADD https://example.org/ /x", true, None).is_ok());
    }
}
