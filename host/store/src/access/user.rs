//! People.

use rusqlite::{OptionalExtension as _, Row, params};
use sandboxed_model::{
    UserId,
    access::User,
    page::{Page, PageRequest},
};

use crate::{
    Store,
    cursor::{self, List},
    error::{Error, Result, is_duplicate},
    statement::prepare,
    value::{Millis, Name, Text},
};

/// A person with what they prove themselves with.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The person.
    pub user: User,
    /// Hash of the password in PHC format; absent for one who cannot log in with a password.
    pub password_hash: Option<String>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The columns that [`user`] reads from `first` on, in its order.
pub(super) const COLUMNS: &str = "users.id, users.name, users.role, users.created_at";

pub(super) fn user(row: &Row<'_>, first: usize) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get::<_, Text<_>>(first)?.0,
        name: row.get(first + 1)?,
        role: row.get::<_, Name<_>>(first + 2)?.0,
        created_at: row.get::<_, Millis>(first + 3)?.0,
    })
}

impl Store {
    /// Keeps a new person.
    ///
    /// # Errors
    /// [`Error::Conflict`] where the name is taken; names that differ in the case of ASCII letters only are the same.
    pub async fn insert_user(&self, account: Account) -> Result<()> {
        self.write(move |write| {
            let Account { user, password_hash } = account;
            prepare(
                write.conn,
                "INSERT INTO users (id, name, role, password_hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![Text(user.id), user.name, Name(user.role), password_hash, Millis(user.created_at)])
            .map_err(|error| {
                if is_duplicate(&error) {
                    Error::conflict("user.exists", format!("there is a user {:?} already", user.name))
                } else {
                    error.into()
                }
            })?;
            Ok(())
        })
        .await
    }

    /// A person.
    pub async fn user(&self, id: UserId) -> Result<User> {
        self.read(move |conn| {
            prepare(conn, &format!("SELECT {COLUMNS} FROM users WHERE id = ?1"))?
                .query_row([Text(id)], |row| user(row, 0))
                .optional()?
                .ok_or_else(|| Error::not_found("user", id))
        })
        .await
    }

    /// The account of a name, if there is one. The case of ASCII letters does not matter.
    pub async fn account(&self, name: &str) -> Result<Option<Account>> {
        let name = name.to_owned();
        self.read(move |conn| {
            let sql = format!("SELECT {COLUMNS}, password_hash FROM users WHERE name = ?1");
            Ok(prepare(conn, &sql)?
                .query_row([name], |row| Ok(Account { user: user(row, 0)?, password_hash: row.get(4)? }))
                .optional()?)
        })
        .await
    }

    /// All people, the first to be added first.
    pub async fn users(&self, page: &PageRequest) -> Result<Page<User>> {
        let after = List::Users.place(page)?.unwrap_or(0);
        let limit = cursor::limit(page);
        self.read(move |conn| {
            let sql = format!("SELECT {COLUMNS}, key FROM users WHERE key > ?1 ORDER BY key LIMIT ?2");
            let mut statement = prepare(conn, &sql)?;
            let rows = statement.query_map(params![after, limit + 1], |row| Ok((row.get(4)?, user(row, 0)?)))?;
            Ok(List::Users.page(rows.collect::<rusqlite::Result<_>>()?, limit))
        })
        .await
    }

    /// Gives a person another password, or takes it away.
    pub async fn set_password_hash(&self, id: UserId, hash: Option<String>) -> Result<()> {
        self.write(move |write| {
            let sql = "UPDATE users SET password_hash = ?2 WHERE id = ?1";
            let rows = prepare(write.conn, sql)?.execute(params![Text(id), hash])?;
            if rows == 0 { Err(Error::not_found("user", id)) } else { Ok(()) }
        })
        .await
    }
}
