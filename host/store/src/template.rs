//! Templates of workspaces, in versions.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sandboxed_model::{
    Timestamp,
    page::{Page, PageRequest},
    template::{NewTemplate, Template, TemplateName},
};

use crate::{
    Store,
    cursor::{self, List},
    error::{Error, Result},
    statement::prepare,
    value::{Json, Millis, Text},
};

const SELECT: &str = "SELECT templates.key, templates.name, versions.version, versions.description, \
                      versions.workspace, versions.created_at \
                      FROM templates JOIN template_versions versions ON versions.template = templates.key";

fn template(row: &Row<'_>) -> rusqlite::Result<(i64, Template)> {
    let template = Template {
        name: row.get::<_, Text<_>>(1)?.0,
        version: row.get(2)?,
        description: row.get(3)?,
        workspace: row.get::<_, Json<_>>(4)?.0,
        declared: false,
        created_at: row.get::<_, Millis>(5)?.0,
    };
    Ok((row.get(0)?, template))
}

fn newest(conn: &Connection, name: &TemplateName) -> Result<Option<Template>> {
    let sql = format!("{SELECT} WHERE templates.name = ?1 AND versions.version = templates.version");
    Ok(prepare(conn, &sql)?.query_row([name.as_str()], template).optional()?.map(|(_, template)| template))
}

/// Keeps the next version and returns it.
fn next_version(conn: &Connection, new: NewTemplate) -> Result<Template> {
    let NewTemplate { name, description, workspace } = new;
    let (key, version): (i64, u32) = prepare(
        conn,
        "INSERT INTO templates (name, version) VALUES (?1, 1) \
         ON CONFLICT (name) DO UPDATE SET version = version + 1 RETURNING key, version",
    )?
    .query_row([name.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let created_at = Timestamp::now();
    prepare(
        conn,
        "INSERT INTO template_versions (template, version, description, workspace, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![key, version, description, Json(&workspace), Millis(created_at)])?;
    Ok(Template { name, version, description, workspace, declared: false, created_at })
}

impl Store {
    /// Keeps a new template.
    ///
    /// # Errors
    /// [`Error::Conflict`] where there is one of this name.
    pub async fn insert_template(&self, new: NewTemplate) -> Result<Template> {
        self.write(move |write| match newest(write.conn, &new.name)? {
            Some(_) => {
                let message = format!("there is a template {} already", new.name);
                Err(Error::conflict("template.exists", message))
            }
            None => next_version(write.conn, new),
        })
        .await
    }

    /// Keeps another version of a template. One that says the same as the newest is not kept: that one is returned.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this name.
    pub async fn update_template(&self, new: NewTemplate) -> Result<Template> {
        self.write(move |write| match newest(write.conn, &new.name)? {
            None => Err(Error::not_found("template", new.name)),
            Some(same) if same.description == new.description && same.workspace == new.workspace => Ok(same),
            Some(_) => next_version(write.conn, new),
        })
        .await
    }

    /// Keeps these templates, each as a next version where it says something else than the newest.
    pub async fn declare_templates(&self, all: Vec<NewTemplate>) -> Result<()> {
        self.write(move |write| {
            for new in all {
                match newest(write.conn, &new.name)? {
                    Some(same) if same.description == new.description && same.workspace == new.workspace => {}
                    _ => drop(next_version(write.conn, new)?),
                }
            }
            Ok(())
        })
        .await
    }

    /// A template in this version, or the newest.
    pub async fn template(&self, name: &TemplateName, version: Option<u32>) -> Result<Template> {
        let name = name.clone();
        self.read(move |conn| {
            let found = match version {
                None => newest(conn, &name)?,
                Some(version) => {
                    let sql = format!("{SELECT} WHERE templates.name = ?1 AND versions.version = ?2");
                    let row = prepare(conn, &sql)?.query_row(params![name.as_str(), version], template).optional()?;
                    row.map(|(_, template)| template)
                }
            };
            found.ok_or_else(|| match version {
                Some(version) => Error::not_found("template", format!("{name}@{version}")),
                None => Error::not_found("template", name),
            })
        })
        .await
    }

    /// All templates in their newest versions, the newest template first.
    pub async fn templates(&self, page: &PageRequest) -> Result<Page<Template>> {
        let before = List::Templates.place(page)?.unwrap_or(i64::MAX);
        let limit = cursor::limit(page);
        self.read(move |conn| {
            let sql = format!(
                "{SELECT} WHERE templates.key < ?1 AND versions.version = templates.version \
                 ORDER BY templates.key DESC LIMIT ?2"
            );
            let mut statement = prepare(conn, &sql)?;
            let rows = statement.query_map(params![before, limit + 1], template)?;
            Ok(List::Templates.page(rows.collect::<rusqlite::Result<_>>()?, limit))
        })
        .await
    }

    /// All versions of a template, the newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this name.
    pub async fn template_versions(&self, name: &TemplateName, page: &PageRequest) -> Result<Page<Template>> {
        let before = List::TemplateVersions.place(page)?.unwrap_or(i64::MAX);
        let limit = cursor::limit(page);
        let name = name.clone();
        self.read(move |conn| {
            if newest(conn, &name)?.is_none() {
                return Err(Error::not_found("template", name));
            }
            let sql = format!(
                "{SELECT} WHERE templates.name = ?1 AND versions.version < ?2 ORDER BY versions.version DESC LIMIT ?3"
            );
            let mut statement = prepare(conn, &sql)?;
            let rows = statement.query_map(params![name.as_str(), before, limit + 1], |row| {
                template(row).map(|(_, template)| (i64::from(template.version), template))
            })?;
            Ok(List::TemplateVersions.page(rows.collect::<rusqlite::Result<_>>()?, limit))
        })
        .await
    }

    /// Forgets a template with all its versions. Workspaces keep what they were made with.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this name.
    pub async fn delete_template(&self, name: &TemplateName) -> Result<()> {
        let name = name.clone();
        self.write(move |write| {
            let sql = "DELETE FROM template_versions WHERE template = (SELECT key FROM templates WHERE name = ?1)";
            let rows = prepare(write.conn, sql)?.execute([name.as_str()])?;
            if rows == 0 { Err(Error::not_found("template", name)) } else { Ok(()) }
        })
        .await
    }
}
