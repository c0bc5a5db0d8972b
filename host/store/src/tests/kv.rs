use sandboxed_model::PluginId;

use super::*;

#[tokio::test]
async fn a_plugin_sees_its_own_values_only_and_keeps_them() {
    let mut fixture = Fixture::new().await;
    let (a, b): (PluginId, PluginId) = ("a".parse().unwrap(), "b".parse().unwrap());
    fixture.store.kv_put(&a, "k", vec![0, 1, 255]).await.unwrap();
    fixture.store.kv_put(&b, "k", vec![2]).await.unwrap();
    fixture.store.kv_put(&b, "k", vec![3]).await.unwrap();
    fixture.reopen().await;
    assert_eq!(fixture.store.kv_get(&a, "k").await.unwrap(), Some(vec![0, 1, 255]));
    assert_eq!(fixture.store.kv_get(&b, "k").await.unwrap(), Some(vec![3]));
    fixture.store.kv_delete(&a, "k").await.unwrap();
    fixture.store.kv_delete(&a, "k").await.expect("removing what is not there changes nothing");
    assert_eq!(fixture.store.kv_get(&a, "k").await.unwrap(), None);
    assert_eq!(fixture.store.kv_get(&b, "k").await.unwrap(), Some(vec![3]));
}

#[tokio::test]
async fn keys_are_listed_by_prefix_in_byte_order_from_a_place_on() {
    let fixture = Fixture::new().await;
    let plugin: PluginId = "a".parse().unwrap();
    for key in ["a", "b/1", "b/2", "b/é", "b/\u{10ffff}", "b0", "B/1", "c", "b%"] {
        fixture.store.kv_put(&plugin, key, Vec::new()).await.unwrap();
    }
    fixture.store.kv_put(&"other".parse().unwrap(), "b/9", Vec::new()).await.unwrap();
    let keys = async |prefix, after, limit| fixture.store.kv_keys(&plugin, prefix, after, limit).await.unwrap();
    assert_eq!(keys("b/", None, 10).await, ["b/1", "b/2", "b/é", "b/\u{10ffff}"]);
    assert_eq!(keys("b/", Some("b/1"), 2).await, ["b/2", "b/é"]);
    assert_eq!(keys("b/", Some("a"), 1).await, ["b/1"]);
    assert_eq!(keys("b/", Some("c"), 9).await, Vec::<String>::new());
    assert_eq!(keys("", None, 3).await, ["B/1", "a", "b%"]);
    assert_eq!(keys("b%", None, 3).await, ["b%"]);
}

#[tokio::test]
async fn the_total_counts_keys_and_values() {
    let fixture = Fixture::new().await;
    let plugin: PluginId = "a".parse().unwrap();
    let total = async || fixture.store.kv_total_bytes(&plugin).await.unwrap();
    assert_eq!(total().await, 0);
    fixture.store.kv_put(&plugin, "ké", vec![0; 100]).await.unwrap();
    fixture.store.kv_put(&plugin, "x", vec![0; 10]).await.unwrap();
    assert_eq!(total().await, 103 + 11);
    fixture.store.kv_put(&plugin, "ké", vec![0; 7]).await.unwrap();
    assert_eq!(total().await, 10 + 11);
    fixture.store.kv_delete(&plugin, "ké").await.unwrap();
    assert_eq!(total().await, 11);
}
