//! `templates`: what workspaces are made from.

use std::path::Path;

use sandboxed_model::{
    recipe::Blueprint,
    template::{NewTemplate, Template, TemplateChoice, TemplateName},
    workspace::NewWorkspace,
};
use serde_json::Value;

use super::{ago, with_client};
use crate::{
    arguments::{Place, TemplateArguments, Templates},
    client::Client,
    failed::{Failed, Result},
    output::{self, Table, Terminal},
};

pub(crate) async fn templates(place: &Place, command: Templates) -> Result<()> {
    with_client(place, async |client| match command {
        Templates::List(listing) => {
            let templates = client.templates().await?;
            if listing.json { output::print_json(&templates) } else { list(&templates) }
        }
        Templates::Show { template, listing } => {
            let template = client.template(&template).await?;
            if listing.json { output::print_json(&template) } else { show(&template) }
        }
        Templates::Versions { template, listing } => {
            let versions = client.template_versions(&template).await?;
            if listing.json { output::print_json(&versions) } else { list(&versions) }
        }
        Templates::Create(arguments) => {
            let json = arguments.listing.json;
            let new = wanted(client, arguments, false).await?;
            told(&client.create_template(new).await?, json)
        }
        Templates::Update(arguments) => {
            let json = arguments.listing.json;
            let new = wanted(client, arguments, true).await?;
            told(&client.update_template(new).await?, json)
        }
        Templates::Delete { template } => {
            client.delete_template(&template).await?;
            output::print(&format!("template {template} deleted"))
        }
    })
    .await
}

/// The template that the arguments describe: that of a file, else the newest version where there is one already, and over it
/// what else they say.
async fn wanted(client: &Client, arguments: TemplateArguments, update: bool) -> Result<NewTemplate> {
    let TemplateArguments { file, description, workspace, .. } = arguments;
    let said = NewWorkspace::from(*workspace);
    if said.template.is_some() {
        return Err(Failed::usage("a template is not made from another one"));
    }
    let beside = said.blueprint().map_err(Failed::usage)?;
    let name = said.name.map(|name| name.as_str().parse::<TemplateName>());
    let name = name.transpose().map_err(|error| Failed::usage(error.to_string()))?;
    let from = match (&file, name) {
        (Some(file), name) => read(file, name)?,
        (None, Some(name)) if update => {
            let Template { name, description, workspace, .. } =
                client.template(&TemplateChoice { name, version: None }).await?;
            NewTemplate { name, description, workspace }
        }
        (None, Some(name)) => NewTemplate { name, description: String::new(), workspace: Blueprint::default() },
        (None, None) => return Err(Failed::usage("the template needs a name, or --file")),
    };
    Ok(NewTemplate {
        description: description.unwrap_or(from.description),
        workspace: from.workspace.with(beside),
        name: from.name,
    })
}

/// Reads a file; a name that was given is that of the template, whatever the file says.
fn read(path: &Path, name: Option<TemplateName>) -> Result<NewTemplate> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| Failed::new(format!("{shown} cannot be read: {error}")))?;
    let wrong = |error: String| Failed::usage(format!("{shown} is no template: {}", error.trim().replace('\n', ", ")));
    let mut value: Value = match path.extension().is_some_and(|extension| extension == "json") {
        true => serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?,
        false => toml::from_str(&text).map_err(|error| wrong(error.to_string()))?,
    };
    if let (Some(name), Some(table)) = (name, value.as_object_mut()) {
        table.insert("name".to_owned(), name.as_str().into());
    }
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

fn told(template: &Template, json: bool) -> Result<()> {
    match json {
        true => output::print_json(template),
        false => output::print(&format!("template {} is now in version {}", template.name, template.version)),
    }
}

fn list(templates: &[Template]) -> Result<()> {
    let mut table = Table::new(&["NAME", "VERSION", "MADE", "DECLARED", "DESCRIPTION"]);
    for template in templates {
        table.row([
            template.name.to_string(),
            template.version.to_string(),
            ago(template.created_at),
            if template.declared { "yes" } else { "no" }.to_owned(),
            template.description.clone(),
        ]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no templates"))
}

/// What it is, as a file that makes it.
fn show(template: &Template) -> Result<()> {
    let mut head = vec![format!("# {} in version {}, {}", template.name, template.version, ago(template.created_at))];
    head.extend(template.declared.then(|| "# declared in sandboxed.toml".to_owned()));
    let wrong = |error: &dyn std::fmt::Display| Failed::new(format!("it cannot be shown: {error}"));
    let value = serde_json::json!({
        "name": template.name, "description": template.description, "workspace": template.workspace,
    });
    let text = toml::to_string_pretty(&value).map_err(|error| wrong(&error))?;
    output::print(&output::safe(&format!("{}\n{text}", head.join("\n"))))
}
