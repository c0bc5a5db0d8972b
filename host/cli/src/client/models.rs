//! Providers of models, accounts, what was used and what may be.

use reqwest::Method;
use sandboxed_core::{AccountKey, NewProviderAccount, NewSignIn, SignInBegun, SignInStatus, Trial};
use sandboxed_model::{
    MissionId,
    account::{Account, AccountChange, AccountName},
    budget::{Budget, BudgetPeriod, BudgetScope},
    catalogue::Model,
    page::{Page, PageRequest},
    provider::{Provider, ProviderId},
    spending::{ModelRequest, SpendingFilter, SpendingGroup, SpendingSum},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{Client, Embedded, Http, http::page_query, pages};
use crate::failed::{Failed, Result};

impl Client {
    /// The providers that the catalogue knows.
    pub(crate) async fn providers(&self) -> Result<Vec<Provider>> {
        either!(self.providers())
    }

    /// The models that the catalogue knows.
    pub(crate) async fn models(&self, provider: Option<&ProviderId>) -> Result<Vec<Model>> {
        either!(self.models(provider))
    }

    /// All accounts, in the order in which they are used.
    pub(crate) async fn accounts(&self) -> Result<Vec<Account>> {
        either!(self.accounts())
    }

    pub(crate) async fn add_account(&self, new: NewProviderAccount) -> Result<Account> {
        either!(self.add_account(new))
    }

    pub(crate) async fn change_account(
        &self,
        name: &AccountName,
        key: Option<AccountKey>,
        change: AccountChange,
    ) -> Result<Account> {
        either!(self.change_account(name, key, change))
    }

    pub(crate) async fn order_accounts(&self, order: Vec<AccountName>) -> Result<Vec<Account>> {
        either!(self.order_accounts(order))
    }

    pub(crate) async fn delete_account(&self, name: &AccountName) -> Result<()> {
        either!(self.delete_account(name))
    }

    pub(crate) async fn test_account(&self, name: &AccountName) -> Result<Trial> {
        either!(self.test_account(name))
    }

    pub(crate) async fn begin_sign_in(&self, name: &AccountName, new: NewSignIn) -> Result<SignInBegun> {
        either!(self.begin_sign_in(name, new))
    }

    pub(crate) async fn finish_sign_in(&self, name: &AccountName, code: &SecretString) -> Result<Account> {
        either!(self.finish_sign_in(name, code))
    }

    /// How the last sign-in to an account stands.
    pub(crate) async fn sign_in_status(&self, name: &AccountName) -> Result<SignInStatus> {
        either!(self.sign_in_status(name))
    }

    pub(crate) async fn sign_out(&self, name: &AccountName) -> Result<()> {
        either!(self.sign_out(name))
    }

    /// Sums of what was used.
    pub(crate) async fn spending(
        &self,
        filter: &SpendingFilter,
        group: SpendingGroup,
        limit: u32,
    ) -> Result<Vec<SpendingSum>> {
        pages(limit, async |page| either!(self.spending(filter, group, &page))).await
    }

    /// Requests to models, the newest first.
    pub(crate) async fn model_requests(&self, mission: Option<MissionId>, limit: u32) -> Result<Vec<ModelRequest>> {
        pages(limit, async |page| either!(self.model_requests(mission, &page))).await
    }

    pub(crate) async fn budgets(&self) -> Result<Vec<Budget>> {
        pages(u32::MAX, async |page| either!(self.budgets(&page))).await
    }

    pub(crate) async fn set_budget(&self, scope: BudgetScope, period: BudgetPeriod, limit: u64) -> Result<Budget> {
        either!(self.set_budget(scope, period, limit))
    }

    pub(crate) async fn delete_budget(&self, scope: BudgetScope, period: BudgetPeriod) -> Result<()> {
        either!(self.delete_budget(scope, period))
    }
}

impl Embedded {
    async fn providers(&self) -> Result<Vec<Provider>> {
        Ok(self.orchestrator.providers().to_vec())
    }

    async fn models(&self, provider: Option<&ProviderId>) -> Result<Vec<Model>> {
        Ok(self.orchestrator.catalogue_models(provider).to_vec())
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        Ok(self.orchestrator.accounts().await?)
    }

    async fn add_account(&self, new: NewProviderAccount) -> Result<Account> {
        Ok(self.orchestrator.add_account(new).await?)
    }

    async fn change_account(
        &self,
        name: &AccountName,
        key: Option<AccountKey>,
        change: AccountChange,
    ) -> Result<Account> {
        Ok(self.orchestrator.change_account(name, key, change).await?)
    }

    async fn order_accounts(&self, order: Vec<AccountName>) -> Result<Vec<Account>> {
        Ok(self.orchestrator.order_accounts(order).await?)
    }

    async fn delete_account(&self, name: &AccountName) -> Result<()> {
        Ok(self.orchestrator.delete_account(name).await?)
    }

    async fn test_account(&self, name: &AccountName) -> Result<Trial> {
        Ok(self.orchestrator.test_account(name).await?)
    }

    /// No browser comes back here.
    async fn begin_sign_in(&self, name: &AccountName, new: NewSignIn) -> Result<SignInBegun> {
        Ok(self.orchestrator.begin_sign_in(name, new, None).await?)
    }

    async fn finish_sign_in(&self, name: &AccountName, code: &SecretString) -> Result<Account> {
        Ok(self.orchestrator.finish_sign_in(name, code).await?)
    }

    async fn sign_in_status(&self, name: &AccountName) -> Result<SignInStatus> {
        Ok(self.orchestrator.sign_in_status(name)?)
    }

    async fn sign_out(&self, name: &AccountName) -> Result<()> {
        Ok(self.orchestrator.sign_out(name).await?)
    }

    async fn spending(
        &self,
        filter: &SpendingFilter,
        group: SpendingGroup,
        page: &PageRequest,
    ) -> Result<Page<SpendingSum>> {
        Ok(self.orchestrator.spending(filter, group, page).await?)
    }

    async fn model_requests(&self, mission: Option<MissionId>, page: &PageRequest) -> Result<Page<ModelRequest>> {
        Ok(self.orchestrator.model_requests(mission, page).await?)
    }

    async fn budgets(&self, page: &PageRequest) -> Result<Page<Budget>> {
        Ok(self.orchestrator.budgets(page).await?)
    }

    async fn set_budget(&self, scope: BudgetScope, period: BudgetPeriod, limit: u64) -> Result<Budget> {
        Ok(self.orchestrator.set_budget(scope, period, limit).await?)
    }

    async fn delete_budget(&self, scope: BudgetScope, period: BudgetPeriod) -> Result<()> {
        Ok(self.orchestrator.delete_budget(scope, period).await?)
    }
}

impl Http {
    async fn providers(&self) -> Result<Vec<Provider>> {
        self.list("/providers").await
    }

    async fn models(&self, provider: Option<&ProviderId>) -> Result<Vec<Model>> {
        let query = provider.map(|provider| format!("?provider={provider}")).unwrap_or_default();
        self.list(&format!("/models{query}")).await
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        self.list("/accounts").await
    }

    async fn add_account(&self, new: NewProviderAccount) -> Result<Account> {
        let NewProviderAccount { name, provider, key, base_url, models, enabled, owner } = new;
        let mut body = json!({
            "name": name, "provider": provider, "base_url": base_url, "models": models, "enabled": enabled, "owner": owner,
        });
        put_key(&mut body, &key)?;
        self.send(Method::POST, "/accounts", body).await
    }

    async fn change_account(
        &self,
        name: &AccountName,
        key: Option<AccountKey>,
        change: AccountChange,
    ) -> Result<Account> {
        let AccountChange { base_url, models, enabled, owner, .. } = change;
        let mut body = json!({
            "base_url": base_url.flatten(), "models": models, "enabled": enabled, "owner": owner.flatten(),
            "for_everybody": owner == Some(None),
        });
        if let Some(key) = key {
            put_key(&mut body, &key)?;
        }
        self.send(Method::PATCH, &format!("/accounts/{name}"), body).await
    }

    async fn order_accounts(&self, order: Vec<AccountName>) -> Result<Vec<Account>> {
        #[derive(serde::Deserialize)]
        struct Ordered {
            items: Vec<Account>,
        }
        Ok(self.send::<Ordered>(Method::PUT, "/account-order", json!({ "accounts": order })).await?.items)
    }

    async fn delete_account(&self, name: &AccountName) -> Result<()> {
        self.delete(&format!("/accounts/{name}")).await
    }

    async fn test_account(&self, name: &AccountName) -> Result<Trial> {
        self.act(&format!("/accounts/{name}/test")).await
    }

    async fn begin_sign_in(&self, name: &AccountName, new: NewSignIn) -> Result<SignInBegun> {
        let NewSignIn { provider, base_url, browser } = new;
        let body = json!({ "provider": provider, "base_url": base_url, "browser": browser });
        self.send(Method::POST, &format!("/accounts/{name}/sign-in"), body).await
    }

    async fn finish_sign_in(&self, name: &AccountName, code: &SecretString) -> Result<Account> {
        let body = json!({ "code": code.expose_secret() });
        self.send(Method::POST, &format!("/accounts/{name}/sign-in/finish"), body).await
    }

    async fn sign_in_status(&self, name: &AccountName) -> Result<SignInStatus> {
        self.get(&format!("/accounts/{name}/sign-in")).await
    }

    async fn sign_out(&self, name: &AccountName) -> Result<()> {
        self.delete(&format!("/accounts/{name}/sign-in")).await
    }

    async fn spending(
        &self,
        filter: &SpendingFilter,
        group: SpendingGroup,
        page: &PageRequest,
    ) -> Result<Page<SpendingSum>> {
        let SpendingFilter { from, to, mission, model, account, user } = filter;
        let mut query = page_query(page);
        let by = serde_json::to_value(group).ok().and_then(|by| by.as_str().map(str::to_owned));
        query.extend(by.map(|by| ("by", by)));
        query.extend(from.map(|day| ("from", day.to_string())));
        query.extend(to.map(|day| ("to", day.to_string())));
        query.extend(mission.map(|id| ("mission", id.to_string())));
        query.extend(model.clone().map(|model| ("model", model)));
        query.extend(account.as_ref().map(|account| ("account", account.to_string())));
        query.extend(user.map(|id| ("user", id.to_string())));
        self.query("/usage", &query).await
    }

    async fn model_requests(&self, mission: Option<MissionId>, page: &PageRequest) -> Result<Page<ModelRequest>> {
        let mut query = page_query(page);
        query.extend(mission.map(|id| ("mission", id.to_string())));
        self.query("/model-requests", &query).await
    }

    async fn budgets(&self, page: &PageRequest) -> Result<Page<Budget>> {
        self.query("/budgets", &page_query(page)).await
    }

    async fn set_budget(&self, scope: BudgetScope, period: BudgetPeriod, limit: u64) -> Result<Budget> {
        let body = json!({ "scope": scope, "period": period, "limit_micro_usd": limit });
        self.send(Method::PUT, "/budgets", body).await
    }

    async fn delete_budget(&self, scope: BudgetScope, period: BudgetPeriod) -> Result<()> {
        self.delete(&format!("/budgets?scope={scope}&period={}", period.as_str())).await
    }
}

fn put_key(body: &mut Value, key: &AccountKey) -> Result<()> {
    match key {
        AccountKey::Value(value) => {
            let text = std::str::from_utf8(value.expose_secret())
                .map_err(|_| Failed::usage("a key is one line of visible ASCII characters"))?;
            body["key"] = text.into();
        }
        AccountKey::Secret(secret) => body["secret"] = secret.as_str().into(),
        AccountKey::None => {}
    }
    Ok(())
}
