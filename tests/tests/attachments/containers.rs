//! The same in containers.

use sandboxed_tests::config;

use super::{Lab, READS, image, sum};

#[tokio::test]
async fn an_agent_in_a_container_gets_its_files() {
    let lab = Lab::configured(config::with_an_engine(), &[]).await;
    let (shot, notes) = (lab.bring("a.png", &image(5000)).await, lab.bring("b.txt", b"text\n").await);
    let script = format!("cat \"${{0%/*}}\"/attachments/2-b.txt; echo '{{\"attachment\":0}}'; {READS}");
    let mission = lab.mission_in("docker", "talking", &script, &[&shot, &notes]).await;
    lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, format!("text\n{}", sum(&image(5000))));
}
