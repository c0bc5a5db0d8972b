//! Plugins that do the worst cost their caller a failure and nobody else anything.

use std::{sync::Arc, time::Duration};

use crate::support::{assert_all_answer, hostile_tools, id, neighbour, order, plugin, start};
use sandboxed_model::{Failure, config::ByteSize, plugin::PluginHealth};
use sandboxed_plugins::PluginHost;
use serde_json::json;

/// What comes of an order that the plugin cannot fulfil, with the plugin and its neighbour well afterwards.
async fn stopped(host: &PluginHost, what: serde_json::Value) -> Failure {
    let failure = order(host, "hostile", what).await.unwrap_err();
    assert_eq!(failure.plugin, Some(id("hostile")));
    assert_all_answer(host).await;
    failure
}

async fn host() -> PluginHost {
    start(&[hostile_tools(), neighbour()]).await
}

#[tokio::test]
async fn a_plugin_that_loops_is_stopped_at_its_deadline_and_its_neighbour_answers_meanwhile() {
    let mut config = hostile_tools();
    config.limits.deadline.0 = Duration::from_secs(3);
    let host = start(&[config, neighbour()]).await;
    let looping = tokio::spawn({
        let host = host.clone();
        async move { order(&host, "hostile", json!({"what": "loop"})).await }
    });
    // The first call lists the tools, the second loops.
    crate::support::until("the loop", || host.inspect(&id("hostile")).unwrap().counters.calls == 2).await;
    let tools = host.tools(&id("workspace")).unwrap();
    for _ in 0..5 {
        tools.list_tools().await.unwrap();
    }
    assert!(!looping.is_finished(), "the neighbour had to wait for the loop");
    assert_eq!(order(&host, "hostile", json!({"what": "echo", "text": "other call"})).await.unwrap(), "other call");
    let failure = looping.await.unwrap().unwrap_err();
    assert_eq!((failure.code.as_str(), failure.plugin), ("plugin.deadline", Some(id("hostile"))));
    assert!(failure.hint.unwrap().contains("limits.deadline"));
    assert_all_answer(&host).await;
}

#[tokio::test]
async fn a_plugin_that_recurses_without_end_traps() {
    let failure = stopped(&host().await, json!({"what": "recurse"})).await;
    assert_eq!(failure.code, "plugin.trap");
    assert!(failure.message.contains("stack"), "{failure}");
}

#[tokio::test]
async fn a_plugin_gets_the_memory_of_its_limit_and_no_more() {
    let host = host().await;
    assert_eq!(order(&host, "hostile", json!({"what": "allocate", "mib": 40})).await.unwrap(), "40");
    let failure = stopped(&host, json!({"what": "allocate", "mib": 4096})).await;
    assert_eq!(failure.code, "plugin.out_of_memory");
    assert!(failure.message.contains("64MiB"), "{failure}");
    assert!(failure.hint.unwrap().contains("limits.memory"));
}

#[tokio::test]
async fn a_plugin_that_may_use_a_lot_of_memory_is_stopped_at_that() {
    let mut config = hostile_tools();
    config.limits.memory = ByteSize(256 << 20);
    let host = start(&[config, neighbour()]).await;
    assert_eq!(order(&host, "hostile", json!({"what": "allocate", "mib": 200})).await.unwrap(), "200");
    assert_eq!(stopped(&host, json!({"what": "allocate", "mib": 256})).await.code, "plugin.out_of_memory");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_never_copied() {
    let mut config = hostile_tools();
    config.limits.memory = ByteSize(1 << 30);
    let host = start(&[config, neighbour()]).await;
    assert_eq!(order(&host, "hostile", json!({"what": "return", "mib": 8})).await.unwrap().len(), 8 << 20);
    assert_eq!(stopped(&host, json!({"what": "return", "mib": 400})).await.code, "plugin.return_too_large");
}

#[tokio::test]
async fn the_words_of_a_panic_arrive_at_the_caller() {
    let failure = stopped(&host().await, json!({"what": "panic", "text": "the sky\u{1b}[31m fell"})).await;
    assert_eq!(failure.code, "plugin.trap");
    assert!(failure.message.contains("the sky [31m fell"), "{failure}");
}

#[tokio::test]
async fn a_plugin_that_floods_the_host_with_calls_is_stopped() {
    let mut config = hostile_tools();
    config.limits.host_calls = 1000;
    let host = start(&[config, neighbour()]).await;
    assert_eq!(order(&host, "hostile", json!({"what": "host_calls", "times": 1000})).await.unwrap(), "2000");
    let failure = stopped(&host, json!({"what": "host_calls", "times": 1_000_000})).await;
    assert_eq!(failure.code, "plugin.too_many_host_calls");
    assert!(failure.hint.unwrap().contains("limits.host_calls"));
}

#[tokio::test]
async fn an_answer_that_is_no_json_breaks_the_contract_and_is_told_so() {
    assert_eq!(stopped(&host().await, json!({"what": "broken_json"})).await.code, "plugin.contract");
}

#[tokio::test]
async fn arguments_that_do_not_fit_never_reach_the_plugin() {
    let failure = stopped(&host().await, json!({"text": "no what"})).await;
    assert_eq!(failure.code, "tools.arguments_invalid");
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_told_so() {
    let host = host().await;
    let tools = host.tools(&id("hostile")).unwrap();
    assert_eq!(tools.call(crate::support::caller(), "undo", json!({})).await.unwrap_err().code, "tools.unknown");
}

#[tokio::test]
async fn a_failure_of_the_plugins_own_names_the_plugin_and_is_no_trap() {
    let host = host().await;
    assert_eq!(stopped(&host, json!({"what": "nothing known"})).await.code, "hostile.order_unknown");
    let info = host.inspect(&id("hostile")).unwrap();
    assert_eq!((info.health, info.counters.failures, info.counters.traps), (PluginHealth::Ready, 1, 0));
}

#[tokio::test]
async fn a_plugin_sees_no_file_no_variable_and_no_argument_of_the_server() {
    let machine = order(&host().await, "hostile", json!({"what": "machine"})).await.unwrap();
    assert_eq!(machine, "files: false, variables: 0, arguments: 0");
}

#[tokio::test]
async fn what_no_port_can_do_is_the_ports_failure_and_never_a_trap() {
    let host = host().await;
    assert_eq!(stopped(&host, json!({"what": "stat", "path": "x"})).await.code, "workspace.missing");
    assert_eq!(stopped(&host, json!({"what": "run", "program": "true"})).await.code, "workspace.missing");
}

#[tokio::test]
async fn a_plugin_keeps_small_values_and_no_large_ones() {
    let host = host().await;
    let keep = |key: &str, bytes: usize| order(&host, "hostile", json!({"what": "keep", "key": key, "bytes": bytes}));
    assert_eq!(keep("a", 64 << 10).await.unwrap(), "65536");
    assert_eq!(keep("a", (64 << 10) + 1).await.unwrap_err().code, "kv.too_large");
    assert_eq!(keep("", 1).await.unwrap_err().code, "kv.key_invalid");
    assert_eq!(keep(&"k".repeat(257), 1).await.unwrap_err().code, "kv.key_invalid");
}

#[tokio::test]
async fn a_plugin_that_keeps_too_much_in_all_is_refused_more() {
    let host = host().await;
    let mut kept = 0;
    let failure = loop {
        match order(&host, "hostile", json!({"what": "keep", "key": format!("key-{kept}"), "bytes": 64 << 10})).await {
            Ok(_) => kept += 1,
            Err(failure) => break failure,
        }
        assert!(kept <= 256, "16 MiB are passed");
    };
    assert_eq!((failure.code.as_str(), kept), ("kv.full", 255));
}

#[tokio::test]
async fn progress_is_cheap_and_never_stops_a_call() {
    assert_eq!(order(&host().await, "hostile", json!({"what": "progress", "times": 5000})).await.unwrap(), "false");
}

#[tokio::test]
async fn many_hostile_calls_at_once_each_get_their_own_failure() {
    let host = Arc::new(host().await);
    let echo = |n: usize| {
        let host = Arc::clone(&host);
        tokio::spawn(async move { order(&host, "hostile", json!({"what": "echo", "text": n.to_string()})).await })
    };
    let calls: Vec<_> = (0..50).map(echo).collect();
    for (n, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), n.to_string());
    }
}

#[tokio::test]
async fn the_third_trap_takes_a_plugin_out_of_service_until_it_is_reloaded() {
    let host = host().await;
    for text in ["one", "two"] {
        assert_eq!(stopped(&host, json!({"what": "panic", "text": text})).await.code, "plugin.trap");
    }
    assert_eq!(host.inspect(&id("hostile")).unwrap().health, PluginHealth::Degraded);
    let third = order(&host, "hostile", json!({"what": "panic", "text": "three"})).await.unwrap_err();
    assert_eq!(third.code, "plugin.trap");

    let refused = order(&host, "hostile", json!({"what": "echo", "text": "hello"})).await.unwrap_err();
    assert_eq!((refused.code.as_str(), &refused.plugin), ("plugin.quarantined", &Some(id("hostile"))));
    assert!(refused.message.contains("three") && refused.retry_after_ms.is_some(), "{refused}");
    let info = host.inspect(&id("hostile")).unwrap();
    assert_eq!((info.health, info.counters.traps), (PluginHealth::Quarantined, 3));
    assert_eq!(host.inspect(&id("workspace")).unwrap().health, PluginHealth::Ready);

    assert_eq!(host.reload(&id("hostile")).await.unwrap().health, PluginHealth::Ready);
    assert_all_answer(&host).await;
}

#[tokio::test]
async fn a_plugin_that_panics_in_every_function_is_quarantined_and_nothing_else_happens() {
    let broken = plugin("id = \"broken\"\nkind = \"tools\"\ncomponent = \"panic-everywhere.wasm\"");
    let host = start(&[broken, hostile_tools(), neighbour()]).await;
    let tools = host.tools(&id("broken")).unwrap();
    for _ in 0..2 {
        assert!(tools.list_tools().await.unwrap_err().message.contains("there is nothing to list"));
    }
    let failure = tools.call(crate::support::caller(), "do", json!({})).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.plugin), ("plugin.trap", Some(id("broken"))));
    assert_eq!(tools.list_tools().await.unwrap_err().code, "plugin.quarantined");
    assert_all_answer(&host).await;
}

#[tokio::test]
async fn a_backend_that_panics_is_told_and_its_other_functions_work() {
    let host = start(&[crate::support::hostile_backend(&["true"])]).await;
    let backend = host.backend(&id("runner")).unwrap();
    let failure = backend.probe().await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.plugin), ("plugin.trap", Some(id("runner"))));
    assert!(failure.message.contains("nothing can be probed"), "{}", failure.message);
    assert_eq!(backend.describe().await.unwrap().isolation, "None at all.");
}
