//! The one engine of the process.

use std::time::Duration;

use sandboxed_model::config::PluginLimits;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often a guest that computes gives way to the other tasks of its thread.
const TICK: Duration = Duration::from_millis(5);
/// Instances that can be there at once: live sessions, and calls.
const MAX_INSTANCES: u32 = 1000;
/// The most memory that any plugin can be given.
pub(crate) const MAX_MEMORY: usize = PluginLimits::MOST_MEMORY.0 as usize;

/// Makes the engine and the thread that measures time for it. The thread ends with the engine.
///
/// Instances come from a pool where the machine can reserve the addresses for one (terabytes, none of them used);
/// small processors and limited processes cannot, and then instances are made one by one.
pub(crate) fn start() -> wasmtime::Result<Engine> {
    let engine = Engine::new(&config(true)).or_else(|error| {
        tracing::info!(%error, "no pool of plugin instances; they are made one by one");
        Engine::new(&config(false))
    })?;
    let ticked = engine.weak();
    std::thread::Builder::new().name("plugin-clock".to_owned()).spawn(move || {
        while let Some(engine) = ticked.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    })?;
    Ok(engine)
}

fn config(pooling: bool) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    // No contract has an async function; without the support for them a call costs a quarter.
    config.concurrency_support(false);
    if pooling {
        let mut pool = PoolingAllocationConfig::new();
        // Components of interpreted languages have up to 14 core instances and 200,000 table elements.
        pool.total_component_instances(MAX_INSTANCES)
            .total_core_instances(MAX_INSTANCES * 4)
            .total_memories(MAX_INSTANCES)
            .total_tables(MAX_INSTANCES * 4)
            .total_stacks(MAX_INSTANCES)
            .max_core_instances_per_component(50)
            .max_tables_per_component(20)
            .max_memory_size(MAX_MEMORY)
            .table_elements(200_000)
            .max_component_instance_size(16 << 20)
            .max_core_instance_size(16 << 20);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}
