//! What was used, for people and for the events of missions.

use std::time::Duration;

use sandboxed_model::{
    MissionId, Timestamp,
    event::{EventBody, ReportedUsage, Usage, UsageSource},
    mission::Mission,
    page::{Page, PageRequest},
    spending::{ModelRequest, SpendingFilter, SpendingGroup, SpendingSum},
};

use crate::{Orchestrator, Result, services::Services};

/// How long the end of a turn waits for its last requests. Their clients are gone, so that they end by themselves.
const PATIENCE: Duration = Duration::from_secs(10);

impl Orchestrator {
    /// Sums of what was used.
    ///
    /// # Errors
    /// When the cursor is none of this list.
    pub async fn spending(
        &self,
        filter: &SpendingFilter,
        group: SpendingGroup,
        page: &PageRequest,
    ) -> Result<Page<SpendingSum>> {
        Ok(self.services.store.spending(filter, group, page).await?)
    }

    /// Requests to models, the newest first: of one mission, which may be gone, or of all.
    ///
    /// # Errors
    /// When the cursor is none of this list.
    pub async fn model_requests(&self, mission: Option<MissionId>, page: &PageRequest) -> Result<Page<ModelRequest>> {
        Ok(self.services.store.model_requests(mission, page).await?)
    }
}

impl Services {
    /// Waits until what was under way is counted, when nobody asks models any more.
    pub(crate) async fn models_counted(&self) {
        self.models.open.none_at_all(PATIENCE).await;
    }

    /// Removes single requests that have outlived their time.
    pub(crate) async fn sweep_requests(&self) -> Result<()> {
        let keep = i64::try_from(self.config.models.keep_requests.0.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::from_millis(Timestamp::now().as_millis().saturating_sub(keep));
        self.store.purge_model_requests(before).await?;
        Ok(())
    }

    /// What the gateway counted in a turn that is over, by model; nothing where its agent did not ask models by it. Beside it
    /// stands what the agent reported.
    pub(crate) async fn counted_usage(
        &self,
        mission: &Mission,
        mut reported: Option<ReportedUsage>,
    ) -> Result<Vec<EventBody>> {
        self.models.open.none_of(mission.id, PATIENCE).await;
        let sums = self.store.turn_usage(mission.id, mission.turns).await?;
        let events = sums.into_iter().map(|sum| {
            EventBody::Usage(Usage {
                model: Some(sum.key),
                input: sum.tokens.input,
                output: sum.tokens.output,
                cache_read: sum.tokens.cache_read,
                cache_write: sum.tokens.cache_write.saturating_add(sum.tokens.cache_write_1h),
                reasoning: sum.tokens.reasoning,
                // As far as it is known; a sum of nothing known is not nothing.
                cost_micro_usd: (sum.unpriced_requests < sum.requests).then_some(sum.cost_micro_usd),
                source: UsageSource::Gateway,
                reported: reported.take(),
            })
        });
        Ok(events.collect())
    }
}
