//! What the host knows of one instance while its code runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sandboxed_model::{PluginId, backend::BackendSpec, config::PluginLimits, tools::ToolCaller};
use tokio::time::Instant;
use wasmtime::{Engine, ResourceLimiter, Store, component::ResourceTable};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use crate::{Ports, capability::log::LogGate, grants::Rights, stderr::LastWords};

/// Bytes that may cross from the guest to the host in one call, in either direction of one value.
const CROSSING_BYTES: usize = 32 << 20;
/// Entries of all tables of an instance.
const MAX_TABLE_ELEMENTS: usize = 200_000;

/// What remains to be known of an instance when its call is over, however it ended.
#[derive(Clone, Default)]
pub(crate) struct Traces {
    pub(crate) last_words: LastWords,
    pub(crate) out_of_memory: Arc<AtomicBool>,
    pub(crate) too_many_calls: Arc<AtomicBool>,
}

/// The state of one instance.
pub(crate) struct PluginState {
    pub(crate) plugin: PluginId,
    pub(crate) rights: Arc<Rights>,
    pub(crate) ports: Ports,
    pub(crate) log: Arc<LogGate>,
    pub(crate) caller: Option<ToolCaller>,
    /// The workspace that the present call is about.
    pub(crate) subject: Option<BackendSpec>,
    pub(crate) last_progress: Option<Instant>,
    /// When the present call must be over.
    deadline: Instant,
    host_calls_left: u32,
    limits: PluginLimits,
    memory: usize,
    traces: Traces,
    /// Milliseconds that the guest's clocks show; 0 shows the real time.
    clock: Arc<AtomicU64>,
    wasi: WasiCtx,
    table: ResourceTable,
}

/// With what an instance is made.
pub(crate) struct Conditions {
    pub(crate) plugin: PluginId,
    pub(crate) rights: Arc<Rights>,
    pub(crate) ports: Ports,
    pub(crate) log: Arc<LogGate>,
    pub(crate) limits: PluginLimits,
    pub(crate) caller: Option<ToolCaller>,
    /// The guest's clock stands where it is set, and its random numbers are always the same.
    pub(crate) pure: bool,
}

impl PluginState {
    /// A store in which one instance can live.
    pub(crate) fn store(engine: &Engine, conditions: Conditions) -> Store<Self> {
        let Conditions { plugin, rights, ports, log, limits, caller, pure } = conditions;
        let traces = Traces::default();
        let clock = Arc::new(AtomicU64::new(0));
        let mut wasi = WasiCtx::builder();
        wasi.stderr(traces.last_words.clone());
        if pure {
            // A driver says the same of the same input, whenever and wherever it is asked.
            wasi.wall_clock(SetClock(Arc::clone(&clock))).monotonic_clock(SetClock(Arc::clone(&clock)));
            wasi.secure_random(wasmtime_wasi::random::Deterministic::new(vec![0x5a; 64]));
            wasi.insecure_random(wasmtime_wasi::random::Deterministic::new(vec![0xa5; 64])).insecure_random_seed(7);
        }
        let state = Self {
            plugin,
            rights,
            ports,
            log,
            caller,
            subject: None,
            last_progress: None,
            deadline: Instant::now(),
            host_calls_left: 0,
            limits,
            memory: 0,
            traces,
            clock,
            wasi: wasi.build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| state);
        store.set_epoch_deadline(1);
        // A guest that computes gives way at each tick; the deadline of the call ends it.
        store.epoch_deadline_async_yield_and_update(1);
        store.set_hostcall_fuel(CROSSING_BYTES);
        store
    }

    /// A call begins.
    pub(crate) fn begin_call(&mut self, now_ms: Option<u64>) {
        self.deadline = Instant::now() + self.limits.deadline.0;
        self.host_calls_left = self.limits.host_calls;
        if let Some(now_ms) = now_ms {
            self.clock.store(now_ms, Ordering::Relaxed);
        }
    }

    pub(crate) fn traces(&self) -> Traces {
        self.traces.clone()
    }

    /// Counts a call of the host. Over the ceiling the guest is trapped: it would not stop by itself.
    pub(crate) fn count_host_call(&mut self) -> wasmtime::Result<()> {
        match self.host_calls_left.checked_sub(1) {
            Some(left) => {
                self.host_calls_left = left;
                Ok(())
            }
            None => {
                self.traces.too_many_calls.store(true, Ordering::Relaxed);
                Err(wasmtime::Error::msg("the call made too many host calls"))
            }
        }
    }

    /// The time that a host call may take when the guest asked for `asked_ms` (0 for all that is left).
    pub(crate) fn time_for(&self, asked_ms: u32) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match asked_ms {
            0 => left,
            asked => left.min(Duration::from_millis(asked.into())),
        }
    }
}

impl WasiView for PluginState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl ResourceLimiter for PluginState {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = (self.memory - current.min(self.memory)).saturating_add(desired);
        if total as u64 > self.limits.memory.0 {
            self.traces.out_of_memory.store(true, Ordering::Relaxed);
            return Err(wasmtime::Error::msg("the plugin's memory is used up"));
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}

/// A clock that stands where the host set it.
struct SetClock(Arc<AtomicU64>);

impl SetClock {
    fn time(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl HostWallClock for SetClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        self.time()
    }
}

impl HostMonotonicClock for SetClock {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        u64::try_from(self.time().as_nanos()).unwrap_or(u64::MAX)
    }
}
