use sandboxed_model::{page::PageRequest, recipe::Blueprint, template::NewTemplate};

use super::*;

fn template(name: &str, variable: &str) -> NewTemplate {
    let workspace: Blueprint = serde_json::from_value(serde_json::json!({ "env": { "A": variable } })).unwrap();
    NewTemplate { name: name.parse().unwrap(), description: String::new(), workspace }
}

#[tokio::test]
async fn each_change_makes_a_version_and_the_old_ones_stay() {
    let fixture = Fixture::new().await;
    let name = "node".parse().unwrap();
    let first = fixture.store.insert_template(template("node", "1")).await.unwrap();
    let same = fixture.store.update_template(template("node", "1")).await.unwrap();
    let second = fixture.store.update_template(template("node", "2")).await.unwrap();

    assert_eq!((first.version, same.version, second.version), (1, 1, 2));
    assert_eq!(fixture.store.template(&name, Some(1)).await.unwrap(), first);
    assert_eq!(fixture.store.template(&name, None).await.unwrap(), second);
    let page = fixture.store.template_versions(&name, &PageRequest { cursor: None, limit: 1 }).await.unwrap();
    assert_eq!(page.items, [second]);
    let rest = PageRequest { cursor: page.next_cursor, limit: 1 };
    assert_eq!(fixture.store.template_versions(&name, &rest).await.unwrap().items, [first]);
    let error = fixture.store.insert_template(template("node", "3")).await.unwrap_err();
    assert_eq!(error.failure().code, "template.exists");
}

#[tokio::test]
async fn a_template_that_comes_again_goes_on_counting() {
    let fixture = Fixture::new().await;
    let name = "node".parse().unwrap();
    fixture.store.insert_template(template("node", "1")).await.unwrap();
    fixture.store.delete_template(&name).await.unwrap();

    let gone = fixture.store.template(&name, None).await.unwrap_err();
    assert_eq!(gone.failure().code, "template.not_found");
    assert!(fixture.store.templates(&PageRequest { cursor: None, limit: 9 }).await.unwrap().items.is_empty());
    assert_eq!(
        fixture.store.update_template(template("node", "1")).await.unwrap_err().failure().code,
        gone.failure().code
    );
    assert_eq!(fixture.store.insert_template(template("node", "1")).await.unwrap().version, 2);
}

#[tokio::test]
async fn declaring_the_same_again_changes_nothing() {
    let fixture = Fixture::new().await;
    for (variable, version) in [("1", 1), ("1", 1), ("2", 2)] {
        fixture.store.declare_templates(vec![template("node", variable)]).await.unwrap();
        let newest = fixture.store.template(&"node".parse().unwrap(), None).await.unwrap();
        assert_eq!(newest.version, version);
    }
}
