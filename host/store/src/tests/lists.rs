use sandboxed_model::{
    mission::{MissionEdit, MissionFilter},
    page::{Page, PageRequest},
    state::MissionState::{self, *},
};

use super::*;
use crate::Error;

fn titles(page: &Page<Mission>) -> Vec<&str> {
    page.items.iter().map(|mission| mission.title.as_str()).collect()
}

fn limit(limit: u32) -> PageRequest {
    PageRequest { cursor: None, limit }
}

fn after<T>(page: &Page<T>, limit: u32) -> PageRequest {
    PageRequest { cursor: page.next_cursor.clone(), limit }
}

#[tokio::test]
async fn missions_come_newest_first_and_pages_stay_in_place_while_missions_come_and_go() {
    let fixture = Fixture::new().await;
    let all = MissionFilter::default();
    for number in 0..5 {
        fixture.mission_in(&number.to_string(), &[Cancelled]).await;
    }
    let first = fixture.store.missions(&all, &limit(2)).await.unwrap();
    assert_eq!(titles(&first), ["4", "3"]);
    fixture.mission("new").await;
    fixture.store.delete_mission(first.items[1].id).await.unwrap();
    let second = fixture.store.missions(&all, &after(&first, 2)).await.unwrap();
    assert_eq!(titles(&second), ["2", "1"]);
    let third = fixture.store.missions(&all, &after(&second, 2)).await.unwrap();
    assert_eq!(titles(&third), ["0"]);
    assert_eq!(third.next_cursor, None);
}

#[tokio::test]
async fn a_list_that_ends_with_its_page_has_no_next_cursor() {
    let fixture = Fixture::new().await;
    fixture.mission("a").await;
    fixture.mission("b").await;
    let page = fixture.store.missions(&MissionFilter::default(), &limit(2)).await.unwrap();
    assert_eq!((page.items.len(), page.next_cursor), (2, None));
}

#[tokio::test]
async fn filters_hold_together_and_over_pages() {
    let fixture = Fixture::new().await;
    let other = add_workspace(&fixture.store, "other").await;
    for number in 0..4 {
        fixture.mission(&format!("queued {number}")).await;
        fixture.mission_in(&format!("running {number}"), &[Running]).await;
        fixture.mission_in(&format!("cancelled {number}"), &[Cancelled]).await;
        fixture.store.insert_mission(new_mission(other, &format!("elsewhere {number}")), message("x")).await.unwrap();
    }
    let list = async |states: &[MissionState], workspace, search: Option<&str>| {
        let filter = MissionFilter { states: states.to_vec(), workspace, search: search.map(str::to_owned) };
        let mut titles = Vec::new();
        let mut request = limit(3);
        loop {
            let page = fixture.store.missions(&filter, &request).await.unwrap();
            assert!(page.items.len() <= 3);
            request = after(&page, 3);
            titles.extend(page.items.into_iter().map(|mission| mission.title));
            if request.cursor.is_none() {
                break titles;
            }
        }
    };
    let main = Some(fixture.workspace);
    assert_eq!(list(&[], None, None).await.len(), 16);
    assert_eq!(list(&[], Some(other), None).await, ["elsewhere 3", "elsewhere 2", "elsewhere 1", "elsewhere 0"]);
    let two = list(&[Cancelled, Running, Running], None, None).await;
    assert_eq!(two[..3], ["cancelled 3", "running 3", "cancelled 2"]);
    assert_eq!(two.len(), 8);
    assert_eq!(list(&[Queued], main, None).await, ["queued 3", "queued 2", "queued 1", "queued 0"]);
    assert_eq!(list(&[Done], main, None).await, Vec::<String>::new());
    assert_eq!(list(&[], None, Some("2")).await, ["elsewhere 2", "cancelled 2", "running 2", "queued 2"]);
    assert_eq!(list(&[Running, Queued], main, Some("2")).await, ["running 2", "queued 2"]);
}

#[tokio::test]
async fn a_mission_is_found_once_by_its_title_or_by_any_of_its_events() {
    let fixture = Fixture::new().await;
    let by_title = fixture.mission("walrus").await;
    let by_events = fixture.mission("x").await;
    // So many that the list looks the next mission up instead of passing over all of them.
    let events = (0..2500).map(|_| said("a Walrus appears")).collect();
    fixture.store.commit(by_events.id, MissionChange { events, ..MissionChange::default() }).await.unwrap();
    fixture.mission("y").await;
    let filter = MissionFilter { search: Some("walrus".to_owned()), ..MissionFilter::default() };
    let page = fixture.store.missions(&filter, &limit(10)).await.unwrap();
    assert_eq!(page.items.iter().map(|mission| mission.id).collect::<Vec<_>>(), [by_events.id, by_title.id]);

    let renamed = MissionChange {
        edit: MissionEdit { title: Some("penguin".to_owned()), ..MissionEdit::default() },
        ..MissionChange::default()
    };
    fixture.store.commit(by_title.id, renamed).await.unwrap();
    let page = fixture.store.missions(&filter, &limit(10)).await.unwrap();
    assert_eq!(page.items.iter().map(|mission| mission.id).collect::<Vec<_>>(), [by_events.id]);
    let nothing = MissionFilter { search: Some("  ..  ".to_owned()), ..MissionFilter::default() };
    assert_eq!(fixture.store.missions(&nothing, &limit(10)).await.unwrap().items, []);
}

#[tokio::test]
async fn a_cursor_that_the_list_did_not_return_is_refused() {
    let fixture = Fixture::new().await;
    fixture.mission("a").await;
    fixture.mission("b").await;
    let cursor = fixture.store.missions(&MissionFilter::default(), &limit(1)).await.unwrap().next_cursor.unwrap();
    for wrong in ["", "m", "x1", "m-1", "m+1", "mzz", "mffffffffffffffffffff", "m1'--", "m 1", &cursor[1..]] {
        let page = PageRequest { cursor: Some(wrong.to_owned()), limit: 1 };
        let error = fixture.store.missions(&MissionFilter::default(), &page).await.unwrap_err();
        assert_eq!(error, Error::InvalidCursor, "{wrong:?}");
    }
    let page = PageRequest { cursor: Some(cursor), limit: 1 };
    assert_eq!(fixture.store.workspaces(&page).await.unwrap_err(), Error::InvalidCursor);
    assert_eq!(fixture.store.search_events("a", None, &page).await.unwrap_err(), Error::InvalidCursor);
}

#[tokio::test]
async fn a_page_holds_at_least_one_entry_and_at_most_500() {
    let fixture = Fixture::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..501 {
        let (store, new) = (fixture.store.clone(), new_mission(fixture.workspace, "x"));
        tasks.spawn(async move { store.insert_mission(new, message("x")).await.unwrap() });
    }
    tasks.join_all().await;
    let all = MissionFilter::default();
    assert_eq!(fixture.store.missions(&all, &limit(0)).await.unwrap().items.len(), 1);
    assert_eq!(fixture.store.missions(&all, &limit(u32::MAX)).await.unwrap().items.len(), 500);
}
