use sandboxed_model::context::{SkillFile, SkillName};

use super::*;

fn file(path: &str, text: &str) -> SkillFile {
    SkillFile { path: path.to_owned(), bytes: text.as_bytes().to_vec(), executable: path.ends_with(".sh") }
}

#[tokio::test]
async fn a_skill_that_is_put_again_has_its_new_files_and_none_of_the_old() {
    let fixture = Fixture::new().await;
    let name: SkillName = "pdf".parse().unwrap();
    let put = async |files| fixture.store.put_skill(name.clone(), "Reads PDFs".to_owned(), files).await.unwrap();
    put(vec![file("SKILL.md", "one"), file("run.sh", "true")]).await;
    let info = put(vec![file("SKILL.md", "four"), file("b/a.txt", "")]).await;

    assert_eq!((info.files, info.bytes), (2, 4));
    let skill = fixture.store.skill(&name).await.unwrap();
    assert_eq!(skill.files, [file("SKILL.md", "four"), file("b/a.txt", "")]);
    assert_eq!(fixture.store.skills().await.unwrap(), [info]);
}

#[tokio::test]
async fn names_that_no_skill_has_are_told_and_a_deleted_one_is_gone_with_its_files() {
    let fixture = Fixture::new().await;
    let [here, gone]: [SkillName; 2] = ["a", "b"].map(|name| name.parse().unwrap());
    for name in [&here, &gone] {
        fixture.store.put_skill(name.clone(), String::new(), vec![file("SKILL.md", "x")]).await.unwrap();
    }
    fixture.store.delete_skill(&gone).await.unwrap();

    let wanted = [here, gone.clone()];
    assert_eq!(fixture.store.missing_skills(&wanted).await.unwrap(), wanted[1..]);
    assert_eq!(fixture.store.skill(&gone).await.unwrap_err().failure().code, "skill.not_found");
    assert_eq!(fixture.store.delete_skill(&gone).await.unwrap_err().failure().code, "skill.not_found");
    let again = fixture.store.put_skill(gone, String::new(), Vec::new()).await.unwrap();
    assert_eq!(again.files, 0);
}
