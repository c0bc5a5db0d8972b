//! Downloads that are cut, wrong, refused or given up.
#![allow(clippy::unwrap_used)]

mod support;

use std::{fs, sync::Arc};

use sandboxed_model::install::{DownloadState, InstallPlan};
use support::{Place, Registry, Trouble, agent, install, large, path_of, plan};

async fn registry() -> (Registry, Vec<u8>, InstallPlan) {
    let registry = Registry::start().await;
    let archive = large("1.0.0");
    registry.serve(&path_of("1.0.0"), archive.clone());
    let plan = plan("1.0.0", &archive);
    (registry, archive, plan)
}

#[tokio::test]
async fn a_download_that_is_cut_goes_on_where_it_was_cut() {
    let ((registry, _, plan), place) = (registry().await, Place::new());
    registry.trouble([Trouble::CutAfter(1_000_000), Trouble::Status(503)]);

    install(&place.open(registry.origins()), &plan).await.unwrap();

    let ranges = registry.ranges();
    let [None, Some(second), Some(third)] = ranges.as_slice() else { panic!("{ranges:?}") };
    assert_eq!(second, third);
    let start: usize = second["bytes=".len()..second.len() - 1].parse().unwrap();
    assert!(0 < start && start <= 1_000_000, "{second}");
}

#[tokio::test]
async fn an_installation_that_is_given_up_leaves_its_download_for_the_next() {
    let ((registry, _, plan), place) = (registry().await, Place::new());
    registry.trouble([Trouble::HangAfter(2_000_000)]);
    let installations = Arc::new(place.open(registry.origins()));
    let given_up = {
        let (installations, plan) = (Arc::clone(&installations), plan.clone());
        tokio::spawn(async move { install(&installations, &plan).await })
    };
    registry.served.hanging.notified().await;
    until(|| {
        fs::read_dir(place.root.join(".downloads")).unwrap().any(|part| part.unwrap().metadata().unwrap().len() > 0)
    })
    .await;

    given_up.abort();
    let _ = given_up.await;

    assert_eq!(place.names(), Vec::<String>::new());
    let parsed = sandboxed_install::Plan::parse(&plan).unwrap();
    assert_eq!(installations.outline(&agent(), &parsed).unwrap().downloads[0].state, DownloadState::Partial);
    // As after a crash: another server finds what the first left.
    install(&place.open(registry.origins()), &plan).await.unwrap();
    assert!(registry.ranges()[1].is_some());
}

#[tokio::test]
async fn a_server_that_knows_no_ranges_is_asked_for_all_of_it() {
    let ((registry, _, plan), place) = (registry().await, Place::new());
    registry.ignore_ranges();
    registry.trouble([Trouble::CutAfter(1_000_000)]);

    install(&place.open(registry.origins()), &plan).await.unwrap();

    assert_eq!(registry.ranges().len(), 2);
}

#[tokio::test]
async fn what_has_another_digest_is_refused_and_removed() {
    let ((registry, _, plan), place) = (registry().await, Place::new());
    registry.serve(&path_of("1.0.0"), large("6.6.6"));
    let installations = place.open(registry.origins());

    let refused = install(&installations, &plan).await.unwrap_err();

    assert_eq!(refused.code, "install.checksum");
    let parsed = sandboxed_install::Plan::parse(&plan).unwrap();
    let expected = &installations.outline(&agent(), &parsed).unwrap().downloads[0].integrity;
    assert!(refused.message.contains(expected) && refused.message.contains("got sha512-"), "{}", refused.message);
    assert_eq!((place.downloads(), place.names()), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_beginning_of_another_file_is_thrown_away_once() {
    let ((registry, archive, plan), place) = (registry().await, Place::new());
    let installations = place.open(registry.origins());
    let beginning = |name: &str| place.root.join(".downloads").join(name);
    registry.trouble([Trouble::CutAfter(2_000_000), Trouble::Status(404)]);
    install(&installations, &plan).await.unwrap_err();
    let part = beginning(&place.downloads()[0]);

    for wrong in [vec![0; 1000], vec![0; archive.len()], vec![0; archive.len() + 1000]] {
        fs::write(&part, wrong).unwrap();
        let installed = install(&installations, &plan).await.unwrap();
        fs::remove_dir_all(installed.directory).unwrap();
    }
}

#[tokio::test]
async fn a_whole_download_that_the_disk_has_changed_is_fetched_again() {
    let ((registry, _, plan), place) = (registry().await, Place::new());
    let installations = place.open(registry.origins());
    registry.trouble([Trouble::CutAfter(2_000_000), Trouble::Status(404)]);
    install(&installations, &plan).await.unwrap_err();
    let part = place.downloads().remove(0);
    let whole = place.root.join(".downloads").join(part.trim_end_matches(".part"));
    fs::rename(place.root.join(".downloads").join(&part), whole).unwrap();

    install(&installations, &plan).await.unwrap();

    assert_eq!(registry.ranges().last().unwrap(), &None);
}

#[tokio::test]
async fn what_the_registry_lacks_or_refuses_is_not_asked_for_twice() {
    let ((registry, _, plan), place) = (registry().await, Place::new());
    let installations = place.open(registry.origins());

    for (status, code) in [(404, "install.not_found"), (403, "install.unreachable")] {
        registry.trouble([Trouble::Status(status)]);
        let before = registry.ranges().len();
        let failed = install(&installations, &plan).await.unwrap_err();
        assert_eq!(failed.code, code);
        assert!(failed.message.contains(&path_of("1.0.0")) && failed.hint.is_some(), "{failed}");
        assert_eq!(registry.ranges().len() - before, 1);
    }
}

#[tokio::test]
async fn a_registry_that_stays_in_trouble_is_given_up_and_so_is_one_that_is_away() {
    let ((registry, _, plan), place) = (registry().await, Place::new());
    registry.trouble(vec![Trouble::Status(502); 3]);
    let failed = install(&place.open(registry.origins()), &plan).await.unwrap_err();
    assert_eq!((failed.code.as_str(), registry.ranges().len()), ("install.unreachable", 3));

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut origins = registry.origins();
    origins.registry = format!("http://{nobody}").parse().unwrap();
    let failed = install(&place.open(origins), &plan).await.unwrap_err();
    assert_eq!(failed.code, "install.unreachable");
}

#[tokio::test]
async fn a_redirect_to_an_address_without_tls_is_not_followed() {
    let ((registry, archive, plan), place) = (registry().await, Place::new());
    let elsewhere = Registry::start().await;
    elsewhere.serve("/agent.tgz", archive.clone());
    registry.trouble([Trouble::RedirectTo(format!("http://{}/agent.tgz", elsewhere.address))]);
    let installations = place.open(registry.origins());

    let refused = install(&installations, &plan).await.unwrap_err();

    assert_eq!(refused.code, "install.unreachable");
    assert!(refused.message.contains("without TLS"), "{refused}");
    assert_eq!(elsewhere.ranges().len(), 0);
    registry.serve("/moved", archive);
    registry.trouble([Trouble::RedirectTo("/moved".to_owned())]);
    install(&installations, &plan).await.unwrap();
}

/// Waits for something that other threads bring about.
async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}
