//! What an agent asks a person by a form: `elicitation/create`.

use sandboxed_protocol::rpc::Id;
use sandboxed_sdk::harness::{Choice, Event, Question, QuestionItem};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Bytes of one form, written as JSON, up to which it is put to a person.
const LARGEST: usize = 4 << 10;
/// Forms that wait for a person at the same time.
const MOST: usize = 4;

/// A form that waits, and how its answer is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Form {
    /// Of the question.
    pub(crate) id: String,
    request: Id,
    fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Field {
    name: String,
    label: String,
    kind: FieldKind,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum FieldKind {
    Text,
    Number,
    YesNo,
    /// Value and label of each choice.
    One(Vec<(String, String)>),
    Several(Vec<(String, String)>),
}

impl Form {
    /// The form that a request shows; nothing where it is none that a person can be asked.
    pub(crate) fn of(id: String, request: Id, params: &Value, waiting: usize) -> Option<Self> {
        if params.get("mode").and_then(Value::as_str) != Some("form") || waiting >= MOST {
            return None;
        }
        let schema = params.get("requestedSchema").filter(|schema| schema.to_string().len() <= LARGEST)?;
        let fields = schema.get("properties")?.as_object()?;
        let fields: Vec<Field> = fields.iter().map(|(name, field)| Field::of(name, field)).collect::<Option<_>>()?;
        (!fields.is_empty()).then_some(Self { id, request, fields })
    }

    pub(crate) fn request(&self) -> &Id {
        &self.request
    }

    /// What a person is asked.
    pub(crate) fn event(&self, params: &Value) -> Event {
        let text = |name: &str| params.get(name).and_then(Value::as_str);
        let message = text("message").unwrap_or_default();
        let item = |field: &Field| match self.fields.len() {
            1 => field.item(message),
            _ => field.item(&format!("{message}\n{}", field.label)),
        };
        Event::Question(Question {
            id: self.id.clone(),
            tool_call: text("toolCallId").map(str::to_owned),
            items: self.fields.iter().map(item).collect(),
        })
    }

    /// The answer to the request; nothing answered is the person's refusal.
    pub(crate) fn reply(&self, answers: Option<&[Vec<String>]>) -> Value {
        let Some(answers) = answers else { return json!({ "action": "decline" }) };
        let content: Map<String, Value> = self
            .fields
            .iter()
            .zip(answers)
            .filter_map(|(field, answer)| Some((field.name.clone(), field.value(answer)?)))
            .collect();
        json!({ "action": "accept", "content": content })
    }
}

impl Field {
    fn of(name: &str, field: &Value) -> Option<Self> {
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let choices = |list: Option<&Value>| -> Option<Vec<(String, String)>> {
            let choice = |choice: &Value| match choice {
                Value::String(value) => Some((value.clone(), value.clone())),
                titled => Some((text(titled, "const")?, text(titled, "title").or_else(|| text(titled, "const"))?)),
            };
            list?.as_array()?.iter().map(choice).collect()
        };
        let kind = match field.get("type")?.as_str()? {
            "string" => match choices(field.get("enum").or_else(|| field.get("oneOf"))) {
                Some(choices) => FieldKind::One(choices),
                None => FieldKind::Text,
            },
            "number" | "integer" => FieldKind::Number,
            "boolean" => FieldKind::YesNo,
            "array" => {
                let items = field.get("items")?;
                FieldKind::Several(choices(items.get("enum").or_else(|| items.get("anyOf")))?)
            }
            _ => return None,
        };
        let label = text(field, "title").or_else(|| text(field, "description")).unwrap_or_else(|| name.to_owned());
        Some(Self { name: name.to_owned(), label, kind })
    }

    fn item(&self, text: &str) -> QuestionItem {
        let labels: Vec<&str> = match &self.kind {
            FieldKind::Text | FieldKind::Number => Vec::new(),
            FieldKind::YesNo => vec!["Yes", "No"],
            FieldKind::One(choices) | FieldKind::Several(choices) => choices.iter().map(|choice| &*choice.1).collect(),
        };
        QuestionItem {
            text: text.to_owned(),
            choices: labels.iter().map(|label| Choice { label: (*label).to_owned(), description: None }).collect(),
            multiple: matches!(self.kind, FieldKind::Several(_)),
            free_text: labels.is_empty(),
        }
    }

    fn value(&self, answer: &[String]) -> Option<Value> {
        let chosen = |choices: &[(String, String)], label: &str| {
            choices.iter().find(|choice| choice.1 == label).map(|choice| Value::from(choice.0.as_str()))
        };
        let first = answer.first();
        match &self.kind {
            FieldKind::Text => first.map(|text| Value::from(text.as_str())),
            FieldKind::Number => serde_json::from_str::<Value>(first?.trim()).ok().filter(Value::is_number),
            FieldKind::YesNo => first.map(|label| Value::from(label == "Yes")),
            FieldKind::One(choices) => chosen(choices, first?),
            FieldKind::Several(choices) => {
                Some(Value::Array(answer.iter().filter_map(|label| chosen(choices, label)).collect()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(properties: &Value) -> Option<Form> {
        let params = json!({ "mode": "form", "message": "m", "requestedSchema": { "properties": properties } });
        Form::of("q".to_owned(), Id::Number(1), &params, 0)
    }

    #[test]
    fn each_field_is_an_item_and_its_answer_has_the_fields_type() {
        let form = form(&json!({
            "a": { "type": "string", "oneOf": [{ "const": "x", "title": "The X" }] },
            "b": { "type": "boolean" },
            "c": { "type": "array", "items": { "type": "string", "enum": ["p", "q"] } },
            "d": { "type": "integer" },
            "e": { "type": "string" },
        }))
        .expect("a form");
        let answers = [vec!["The X"], vec!["Yes"], vec!["p", "q"], vec!["7"], vec!["free"]];
        let answers = answers.map(|answer| answer.into_iter().map(str::to_owned).collect::<Vec<_>>());
        let content = json!({ "a": "x", "b": true, "c": ["p", "q"], "d": 7, "e": "free" });
        assert_eq!(form.reply(Some(&answers)), json!({ "action": "accept", "content": content }));
        assert_eq!(form.reply(None), json!({ "action": "decline" }));
    }

    #[test]
    fn what_cannot_be_asked_is_no_form() {
        assert!(form(&json!({})).is_none());
        assert!(form(&json!({ "a": { "type": "object" } })).is_none());
        assert!(form(&json!({ "a": { "type": "string", "title": "x".repeat(LARGEST) } })).is_none());
        assert!(Form::of("q".to_owned(), Id::Number(1), &json!({ "mode": "url" }), 0).is_none());
    }
}
