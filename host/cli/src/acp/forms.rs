//! Questions of agents as forms, and as texts.

use sandboxed_model::ask::{Choice, Question, QuestionItem};
use serde_json::{Map, Value, json};

/// What the field for a text of one's own is called, beside the one with the choices.
const OTHER: &str = "_other";

/// The schema of a form with a field for each question.
pub(super) fn schema(question: &Question) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (index, item) in question.items.iter().enumerate() {
        let name = field(index);
        if item.choices.is_empty() || !item.free_text {
            required.push(name.clone());
        } else {
            let other = json!({ "type": "string", "title": "Something else", "description": item.text });
            properties.insert(format!("{name}{OTHER}"), other);
        }
        properties.insert(name, property(item));
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

fn property(item: &QuestionItem) -> Value {
    let choices: Vec<Value> = item.choices.iter().map(option).collect();
    match (choices.is_empty(), item.multiple) {
        (true, _) => json!({ "type": "string", "title": item.text }),
        (false, false) => json!({ "type": "string", "title": item.text, "oneOf": choices }),
        (false, true) => json!({ "type": "array", "title": item.text, "items": { "anyOf": choices } }),
    }
}

fn option(choice: &Choice) -> Value {
    json!({ "const": choice.label, "title": choice.label, "description": choice.description })
}

fn field(index: usize) -> String {
    format!("q{}", index + 1)
}

/// What a person filled in; none where they did not want to.
pub(super) fn answers(question: &Question, response: &Value) -> Option<Vec<Vec<String>>> {
    if response["action"] != "accept" {
        return None;
    }
    let content = &response["content"];
    let of = |name: String| match &content[name] {
        Value::String(text) if !text.is_empty() => vec![text.clone()],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let answers = (0..question.items.len()).map(|index| {
        let own = of(format!("{}{OTHER}", field(index)));
        if own.is_empty() { of(field(index)) } else { own }
    });
    Some(answers.collect())
}

/// The answers that a message holds: a line for each question, or the whole message where there is one.
pub(super) fn spoken_answers(question: &Question, message: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = match question.items.len() {
        1 => vec![message.trim()],
        _ => message.lines().map(str::trim).filter(|line| !line.is_empty()).collect(),
    };
    let of = |(index, line): (usize, &str)| match question.items.get(index) {
        Some(item) if item.multiple => line.split(';').map(|choice| choice.trim().to_owned()).collect(),
        _ => vec![line.to_owned()],
    };
    lines.into_iter().enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use sandboxed_model::{AskId, ask::AskStatus};

    use super::*;

    fn question(items: Vec<QuestionItem>) -> Question {
        Question {
            id: AskId::new(),
            status: AskStatus::Open,
            tool_call: None,
            items,
            expires_at: None,
            by: None,
            answers: None,
        }
    }

    fn item(choices: &[&str], multiple: bool, free_text: bool) -> QuestionItem {
        let choices = choices.iter().map(|&label| Choice { label: label.to_owned(), description: None }).collect();
        QuestionItem { text: "what?".to_owned(), choices, multiple, free_text }
    }

    #[test]
    fn a_text_of_ones_own_counts_over_a_choice() {
        let asked =
            question(vec![item(&["a", "b"], false, true), item(&["x", "y"], true, false), item(&[], false, true)]);
        let schema = schema(&asked);
        assert_eq!(schema["required"], json!(["q2", "q3"]));
        assert!(schema["properties"]["q1_other"].is_object() && schema["properties"]["q3_other"].is_null());

        let content = json!({ "q1": "a", "q1_other": "c", "q2": ["x", "y"], "q3": "text" });
        let filled = answers(&asked, &json!({ "action": "accept", "content": content })).unwrap();
        assert_eq!(filled, [vec!["c"], vec!["x", "y"], vec!["text"]]);
        assert_eq!(answers(&asked, &json!({ "action": "decline" })), None);
    }

    #[test]
    fn a_message_answers_one_question_as_a_whole_and_several_by_its_lines() {
        let one = question(vec![item(&[], false, true)]);
        assert_eq!(spoken_answers(&one, " two\nlines \n"), [["two\nlines"]]);
        let two = question(vec![item(&["a"], false, false), item(&["x", "y"], true, false)]);
        assert_eq!(spoken_answers(&two, "a\n\nx; y\n"), [vec!["a"], vec!["x", "y"]]);
    }
}
