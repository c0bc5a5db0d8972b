//! Accounts at providers of models.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sandboxed_model::account::{Account, AccountChange, AccountHealth, AccountName, NewAccount};

use crate::{
    Store,
    error::{Error, Result, is_duplicate},
    statement::prepare,
    value::{Count, Json, Millis, Text},
};

const COLUMNS: &str =
    "name, provider, credential, base_url, models, position, enabled, owner, health, created_at, updated_at";

fn row(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        name: row.get::<_, Text<_>>(0)?.0,
        provider: row.get::<_, Text<_>>(1)?.0,
        credential: row.get::<_, Json<_>>(2)?.0,
        base_url: row.get(3)?,
        models: row.get::<_, Json<_>>(4)?.0,
        position: row.get(5)?,
        enabled: row.get(6)?,
        owner: row.get::<_, Option<Text<_>>>(7)?.map(|owner| owner.0),
        health: row.get::<_, Json<_>>(8)?.0,
        created_at: row.get::<_, Millis>(9)?.0,
        updated_at: row.get::<_, Millis>(10)?.0,
    })
}

fn load(conn: &Connection, name: &AccountName) -> Result<Account> {
    let sql = format!("SELECT {COLUMNS} FROM accounts WHERE name = ?1");
    let found = prepare(conn, &sql)?.query_row([name.as_str()], row).optional()?;
    found.ok_or_else(|| Error::not_found("account", name))
}

fn all(conn: &Connection) -> Result<Vec<Account>> {
    let sql = format!("SELECT {COLUMNS} FROM accounts WHERE position >= 0 ORDER BY position, key");
    let mut statement = prepare(conn, &sql)?;
    Ok(statement.query_map([], row)?.collect::<rusqlite::Result<_>>()?)
}

impl Store {
    /// The most accounts that there can be.
    pub const MAX_ACCOUNTS: u64 = 1000;

    /// Adds an account after all others.
    ///
    /// # Errors
    /// [`Error::Conflict`] where there is one of this name, or there are too many.
    pub async fn insert_account(&self, new: NewAccount) -> Result<Account> {
        self.write(move |write| {
            let sql = "SELECT count(*), coalesce(max(position) + 1, 0) FROM accounts WHERE position >= 0";
            let (number, position) =
                prepare(write.conn, sql)?.query_row([], |row| Ok((row.get::<_, Count>(0)?.0, row.get(1)?)))?;
            if number >= Self::MAX_ACCOUNTS {
                let message = format!("there are {} accounts already, and no more can be kept", Self::MAX_ACCOUNTS);
                return Err(Error::conflict("accounts.too_many", message));
            }
            let account = Account {
                name: new.name,
                provider: new.provider,
                credential: new.credential,
                base_url: new.base_url,
                models: new.models,
                position,
                enabled: new.enabled,
                owner: new.owner,
                health: AccountHealth::Ready,
                created_at: write.now,
                updated_at: write.now,
            };
            let sql = format!("INSERT INTO accounts ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)");
            prepare(write.conn, &sql)?
                .execute(params![
                    account.name.as_str(),
                    account.provider.as_str(),
                    Json(&account.credential),
                    account.base_url,
                    Json(&account.models),
                    account.position,
                    account.enabled,
                    account.owner.map(Text),
                    Json(&account.health),
                    Millis(account.created_at),
                ])
                .map_err(|error| match is_duplicate(&error) {
                    true => Error::conflict(
                        "account.exists",
                        format!("there is an account {:?} already", account.name.as_str()),
                    ),
                    false => error.into(),
                })?;
            Ok(account)
        })
        .await
    }

    /// An account at a provider.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn provider_account(&self, name: &AccountName) -> Result<Account> {
        let name = name.clone();
        self.read(move |conn| load(conn, &name)).await
    }

    /// All accounts, in the order in which they are used.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        self.read(all).await
    }

    /// Changes an account. With a new credential it is ready, whatever became of the one before.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn change_account(&self, name: &AccountName, change: AccountChange) -> Result<Account> {
        let name = name.clone();
        self.write(move |write| {
            let mut account = load(write.conn, &name)?;
            if let Some(credential) = change.credential {
                account.credential = credential;
                account.health = AccountHealth::Ready;
            }
            account.base_url = change.base_url.unwrap_or(account.base_url);
            account.models = change.models.unwrap_or(account.models);
            account.enabled = change.enabled.unwrap_or(account.enabled);
            account.owner = change.owner.unwrap_or(account.owner);
            account.updated_at = write.now;
            prepare(
                write.conn,
                "UPDATE accounts SET credential = ?2, base_url = ?3, models = ?4, enabled = ?5, owner = ?6, health = ?7, \
                 updated_at = ?8 WHERE name = ?1",
            )?
            .execute(params![
                name.as_str(),
                Json(&account.credential),
                account.base_url,
                Json(&account.models),
                account.enabled,
                account.owner.map(Text),
                Json(&account.health),
                Millis(account.updated_at),
            ])?;
            Ok(account)
        })
        .await
    }

    /// Notes how an account stands.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_account_health(&self, name: &AccountName, health: AccountHealth) -> Result<()> {
        let name = name.clone();
        self.write(move |write| {
            let rows = prepare(write.conn, "UPDATE accounts SET health = ?2 WHERE name = ?1")?
                .execute(params![name.as_str(), Json(&health)])?;
            if rows == 0 { Err(Error::not_found("account", name)) } else { Ok(()) }
        })
        .await
    }

    /// Puts the accounts in this order.
    ///
    /// # Errors
    /// [`Error::Conflict`] where the names are not those of all accounts, each once.
    pub async fn reorder_accounts(&self, order: Vec<AccountName>) -> Result<()> {
        self.write(move |write| {
            let mut present: Vec<_> = all(write.conn)?.into_iter().map(|account| account.name).collect();
            let mut named = order.clone();
            present.sort();
            named.sort();
            if present != named {
                let message = "an order of the accounts names each of them once and no other";
                return Err(Error::conflict("accounts.order", message));
            }
            for (position, name) in (0_u32..).zip(&order) {
                prepare(write.conn, "UPDATE accounts SET position = ?2 WHERE name = ?1")?
                    .execute(params![name.as_str(), position])?;
            }
            Ok(())
        })
        .await
    }

    /// Forgets an account. What it spent stays, and so do its budgets: one that is added with the same name has them.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_account(&self, name: &AccountName) -> Result<()> {
        let name = name.clone();
        self.write(move |write| {
            let rows = prepare(write.conn, "DELETE FROM accounts WHERE name = ?1")?.execute([name.as_str()])?;
            if rows == 0 { Err(Error::not_found("account", name)) } else { Ok(()) }
        })
        .await
    }
}
