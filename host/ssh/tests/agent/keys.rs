//! Which keys are taken.

use sandboxed_ssh::{Error, Key};

use crate::setup::{folder, key_file};

async fn read(options: &[&str], passphrase: &str, given: Option<&str>) -> Result<Key, Error> {
    let folder = folder();
    let file = folder.path().join("key");
    key_file(&file, options, passphrase).await;
    Key::from_openssh("deploy", &std::fs::read(&file).unwrap(), given.map(str::as_bytes))
}

fn name() -> String {
    "deploy".to_owned()
}

#[tokio::test]
async fn a_key_is_taken_with_white_space_around_it_and_is_not_shown() {
    let folder = folder();
    let file = folder.path().join("key");
    key_file(&file, &["-t", "ed25519"], "").await;
    let text = std::fs::read_to_string(&file).unwrap();

    for file in [text.trim_end().to_owned(), format!("\n{text}\n\n"), text.replace('\n', "\r\n")] {
        let key = Key::from_openssh("deploy", file.as_bytes(), None).unwrap();
        assert_eq!(format!("{key:?}"), "Key(deploy)");
    }
}

#[tokio::test]
async fn an_encrypted_key_wants_its_own_passphrase() {
    let options = ["-t", "ecdsa", "-a", "2"];
    assert_eq!(read(&options, "right", None).await.unwrap_err(), Error::Encrypted { name: name() });
    assert_eq!(read(&options, "right", Some("wrong")).await.unwrap_err(), Error::Passphrase { name: name() });
    read(&options, "right", Some("right")).await.unwrap();
    read(&["-t", "rsa", "-b", "2048", "-a", "2", "-Z", "aes256-gcm@openssh.com"], "right", Some("right"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_key_with_which_the_agent_does_not_sign_is_refused() {
    let error = read(&["-t", "ecdsa", "-b", "521"], "", None).await.unwrap_err();
    assert_eq!(error, Error::Kind { name: name(), kind: "ecdsa-sha2-nistp521".to_owned() });
    let error = read(&["-t", "rsa", "-b", "1024"], "", None).await.unwrap_err();
    assert_eq!(error, Error::Size { name: name(), bits: 1024 });
    let error = read(&["-t", "rsa", "-b", "2048", "-m", "PEM"], "", None).await.unwrap_err();
    assert_eq!(error, Error::NoKey { name: name() });
}
