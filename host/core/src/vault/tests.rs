//! The vault on a real database and real key files.

use std::path::Path;

use sandboxed_model::{
    config::{KeySource, SecretSource, VaultConfig},
    secret::SecretName,
};
use tempfile::TempDir;

use super::*;
use crate::Error;

struct Fixture {
    home: TempDir,
    config: Config,
}

impl Fixture {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), config: Config::default() }
    }

    fn with_key(key: KeySource) -> Self {
        let mut fixture = Self::new();
        fixture.config.vault = VaultConfig { key: Some(key), former_key: None };
        fixture
    }

    async fn store(&self) -> Store {
        Store::open(self.home.path().join("sandboxed.db")).await.unwrap()
    }

    async fn open(&self) -> Result<Arc<Vault>, Error> {
        let paths = Paths::prepare(self.home.path().to_owned()).unwrap();
        let store = self.store().await;
        let opened = Vault::open(&self.config, &paths, store.clone(), Redaction::default()).await;
        if opened.is_err() {
            store.close().await;
        }
        opened
    }

    async fn refused(&self) -> Failure {
        self.open().await.err().expect("the vault was opened").failure()
    }

    fn key_file(&self) -> std::path::PathBuf {
        self.home.path().join("vault.key")
    }

    /// As somebody would who has the file.
    fn edit(&self, sql: &str) {
        rusqlite::Connection::open(self.home.path().join("sandboxed.db")).unwrap().execute_batch(sql).unwrap();
    }
}

async fn set(vault: &Arc<Vault>, name: &str, value: &[u8], audience: &[Audience]) -> Result<(Secret, bool), Error> {
    let name: SecretName = name.parse().unwrap();
    let audience = Some(audience.to_vec());
    vault.set(NewSecret { name, value: value.to_vec().into(), audience, description: None }).await
}

async fn value(vault: &Vault, name: &str) -> Result<String, Failure> {
    let asked = Asked::by_provider("anthropic");
    vault.read(name, &asked).await.map(|value| value.expose_secret().to_owned())
}

fn provider() -> Vec<Audience> {
    vec![Audience::Provider("anthropic".to_owned())]
}

async fn close(vault: Arc<Vault>) {
    vault.close().await;
    vault.store.close().await;
}

async fn resealed(vault: &Arc<Vault>) {
    // Whoever holds it has the others wait.
    drop(vault.resealing.lock().await);
}

fn passphrase(home: &Path, text: &str) -> KeySource {
    let file = home.join(format!("passphrase-{text}"));
    std::fs::write(&file, format!("{text}\n")).unwrap();
    KeySource::PassphraseFile(file)
}

#[tokio::test]
async fn a_secret_is_given_to_whom_it_is_for_and_to_nobody_else() {
    let fixture = Fixture::new();
    let vault = fixture.open().await.unwrap();
    set(&vault, "key", b"hunter2-hunter2", &provider()).await.unwrap();
    assert_eq!(vault.use_for_provider("key", "anthropic").await.unwrap().expose_secret(), "hunter2-hunter2");

    let plugin: PluginId = "tools".parse().unwrap();
    let (workspace, mission) = (WorkspaceId::new(), MissionId::new());
    for (asked, hint) in [
        (Asked::by_provider("openai"), "provider:openai"),
        (Asked::by_plugin(&plugin), "plugin:tools"),
        (Asked::by_git("Example.org", workspace), "git:example.org"),
        (Asked::by_process(vec![Audience::Workspaces], workspace, Some(mission)), "workspaces"),
    ] {
        let denied = vault.read("key", &asked).await.unwrap_err();
        assert_eq!(denied.code, "secrets.denied");
        assert_eq!(denied.hint.unwrap(), format!("sandboxed-sh secret allow key {hint}"));
    }
    // A plugin sends it only to a host that it is for as well.
    set(&vault, "key", b"hunter2-hunter2", &["plugin:tools".parse().unwrap()]).await.unwrap();
    assert!(vault.read("key", &Asked::by_plugin(&plugin)).await.is_ok());
    let denied = vault.read("key", &Asked::by_request(&plugin, "api.example.org:443")).await.unwrap_err();
    assert_eq!(denied.hint.unwrap(), "sandboxed-sh secret allow key host:api.example.org:443");
    assert!(vault.exists_for(&plugin, "key") && !vault.exists_for(&"other".parse().unwrap(), "key"));
    assert_eq!(vault.check_for_workspaces("key", true).unwrap_err().code, "secrets.denied");
    close(vault).await;
}

#[tokio::test]
async fn values_that_cannot_be_kept_and_names_that_are_taken_are_refused_with_the_reason() {
    let mut fixture = Fixture::new();
    fixture.config.secrets = BTreeMap::from([("configured".to_owned(), SecretSource::Env("X".to_owned()))]);
    let vault = fixture.open().await.unwrap();
    let long = vec![b'x'; (64 << 10) + 1];
    for (name, value, code) in [
        ("key", &b""[..], "secrets.value_empty"),
        ("key", b"12345", "secrets.value_too_short"),
        ("key", &long, "secrets.value_too_long"),
        ("configured", b"hunter2-hunter2", "secrets.name_taken"),
    ] {
        assert_eq!(set(&vault, name, value, &[]).await.unwrap_err().failure().code, code);
    }
    set(&vault, "bytes", b"\xff\xfe\x00bytes", &provider()).await.unwrap();
    assert_eq!(value(&vault, "bytes").await.unwrap_err().code, "secrets.not_text");
    assert!(vault.read_bytes("bytes", &Asked::by_provider("anthropic")).await.is_ok());
    set(&vault, "lines", b"one\ntwo\n", &provider()).await.unwrap();
    assert_eq!(value(&vault, "lines").await.unwrap(), "one\ntwo\n");
    close(vault).await;

    fixture.config.secrets = BTreeMap::from([("lines".to_owned(), SecretSource::Env("X".to_owned()))]);
    assert_eq!(fixture.refused().await.code, "secrets.name_taken");
}

#[tokio::test]
async fn uses_are_counted_by_who_used_it() {
    let fixture = Fixture::new();
    let vault = fixture.open().await.unwrap();
    set(&vault, "key", b"hunter2-hunter2", &provider()).await.unwrap();
    for _ in 0..3 {
        value(&vault, "key").await.unwrap();
    }
    let denied = vault.use_for_provider("key", "openai").await;
    assert!(denied.is_err());
    vault.flush_uses().await;
    let page = sandboxed_model::page::PageRequest { cursor: None, limit: 10 };
    let uses = vault.store.secret_uses("key", &page).await.unwrap().items;
    // Two, should the hour end in between.
    assert!(uses.iter().all(|used| used.user == "provider:anthropic"), "{uses:?}");
    assert_eq!(uses.iter().map(|used| used.count).sum::<u64>(), 3);
    close(vault).await;
}

#[tokio::test]
async fn a_wrong_or_a_missing_key_is_told_at_the_start_and_nothing_is_written() {
    let fixture = Fixture::new();
    let vault = fixture.open().await.unwrap();
    set(&vault, "key", b"hunter2-hunter2", &provider()).await.unwrap();
    close(vault).await;
    let right = std::fs::read(fixture.key_file()).unwrap();

    std::fs::remove_file(fixture.key_file()).unwrap();
    let missing = fixture.refused().await;
    assert_eq!(missing.code, "vault.key_missing");
    assert!(!fixture.key_file().exists(), "a new key was put over the vault");

    sandboxed_vault::KeyFile::at(fixture.key_file()).write(&[sandboxed_vault::MasterKey::generate()]).unwrap();
    let before = std::fs::read(fixture.key_file()).unwrap();
    let wrong = fixture.refused().await;
    assert_eq!(wrong.code, "vault.key_wrong");
    assert!(wrong.hint.unwrap().contains("former_key"));
    assert_eq!(std::fs::read(fixture.key_file()).unwrap(), before);

    std::fs::write(fixture.key_file(), right).unwrap();
    let vault = fixture.open().await.unwrap();
    assert_eq!(value(&vault, "key").await.unwrap(), "hunter2-hunter2");
    assert_eq!(vault.store.vault_keys().await.unwrap().len(), 1);
    close(vault).await;
}

#[tokio::test]
async fn a_key_that_others_can_read_and_one_that_is_none_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let fixture = Fixture::new();
    close(fixture.open().await.unwrap()).await;
    std::fs::set_permissions(fixture.key_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(fixture.refused().await.code, "vault.key_file");
    std::fs::set_permissions(fixture.key_file(), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(fixture.key_file(), "hunter2\n").unwrap();
    let failure = fixture.refused().await;
    assert_eq!(failure.code, "vault.key_invalid");
    assert!(!format!("{failure:?}").contains("hunter2"));
    assert_eq!(
        Fixture::with_key(KeySource::Env("NOT_SET_ANYWHERE".to_owned())).refused().await.code,
        "vault.key_unset"
    );
}

#[tokio::test]
async fn a_damaged_secret_is_told_by_name_and_the_others_go_on() {
    let fixture = Fixture::new();
    let vault = fixture.open().await.unwrap();
    for name in ["cut", "swapped", "unknown", "whole"] {
        set(&vault, name, format!("value-of-{name}").as_bytes(), &provider()).await.unwrap();
    }
    close(vault).await;
    fixture.edit("UPDATE secrets SET sealed = substr(sealed, 1, 30) WHERE name = 'cut'");
    let other = "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'whole') WHERE name = 'swapped'";
    fixture.edit(other);
    fixture.edit("UPDATE secrets SET sealed_by = 'nobody' WHERE name = 'unknown'");

    let vault = fixture.open().await.unwrap();
    for name in ["cut", "swapped"] {
        let failure = value(&vault, name).await.unwrap_err();
        assert_eq!(failure.code, "vault.damaged");
        assert!(failure.message.contains(name) && failure.hint.unwrap().ends_with(name));
        assert_eq!(vault.entry(name).unwrap().problem.unwrap().code, "vault.damaged");
    }
    assert_eq!(value(&vault, "unknown").await.unwrap_err().code, "vault.key_wrong");
    assert_eq!(value(&vault, "whole").await.unwrap(), "value-of-whole");
    // Another key does not wait for them, and another value mends one.
    vault.rotate().await.unwrap();
    resealed(&vault).await;
    set(&vault, "cut", b"another-value", &provider()).await.unwrap();
    close(vault).await;
    let vault = fixture.open().await.unwrap();
    assert_eq!(value(&vault, "cut").await.unwrap(), "another-value");
    assert_eq!(value(&vault, "swapped").await.unwrap_err().code, "vault.damaged");
    close(vault).await;
}

#[tokio::test]
async fn a_table_of_keys_that_was_emptied_is_filled_again_where_the_key_is_right() {
    let fixture = Fixture::new();
    let vault = fixture.open().await.unwrap();
    set(&vault, "key", b"hunter2-hunter2", &provider()).await.unwrap();
    close(vault).await;
    fixture.edit("DELETE FROM vault_keys");
    let vault = fixture.open().await.unwrap();
    assert_eq!(value(&vault, "key").await.unwrap(), "hunter2-hunter2");
    close(vault).await;
}

#[tokio::test]
async fn a_key_is_replaced_while_secrets_are_read_and_set_and_the_old_one_is_forgotten() {
    let fixture = Fixture::new();
    let vault = fixture.open().await.unwrap();
    for number in 0..40 {
        set(&vault, &format!("key-{number}"), format!("value-of-{number}").as_bytes(), &provider()).await.unwrap();
    }
    let before = std::fs::read_to_string(fixture.key_file()).unwrap();
    let status = vault.rotate().await.unwrap();
    for number in 0..40 {
        assert_eq!(value(&vault, &format!("key-{number}")).await.unwrap(), format!("value-of-{number}"));
        set(&vault, &format!("key-{number}"), format!("newer-{number}").as_bytes(), &provider()).await.unwrap();
    }
    resealed(&vault).await;
    assert_eq!(vault.status().await.unwrap().to_reseal, 0);
    assert_eq!(vault.store.vault_keys().await.unwrap()[0].id, status.key_id);
    let after = std::fs::read_to_string(fixture.key_file()).unwrap();
    let keys = |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(keys(&after).len(), 1);
    assert_ne!(keys(&after), keys(&before));
    close(vault).await;

    let vault = fixture.open().await.unwrap();
    assert_eq!(value(&vault, "key-7").await.unwrap(), "newer-7");
    close(vault).await;
}

#[tokio::test]
async fn of_two_replacements_at_once_one_is_refused() {
    let fixture = Fixture::new();
    let vault = fixture.open().await.unwrap();
    let under_way = Arc::clone(&vault.resealing).lock_owned().await;
    assert_eq!(vault.rotate().await.unwrap_err().failure().code, "vault.rotating");
    drop(under_way);
    vault.rotate().await.unwrap();
    resealed(&vault).await;
    close(vault).await;
}

#[tokio::test]
async fn a_passphrase_opens_the_vault_and_gives_way_to_another_at_a_start() {
    let place = tempfile::tempdir().unwrap();
    let (old, new) = (passphrase(place.path(), "correct horse"), passphrase(place.path(), "battery staple"));
    let mut fixture = Fixture::with_key(old.clone());
    let vault = fixture.open().await.unwrap();
    set(&vault, "key", b"hunter2-hunter2", &provider()).await.unwrap();
    assert_eq!(vault.rotate().await.unwrap_err().failure().code, "vault.key_fixed");
    close(vault).await;

    fixture.config.vault.key = Some(new.clone());
    assert_eq!(fixture.refused().await.code, "vault.key_wrong");
    fixture.config.vault.former_key = Some(old.clone());
    let vault = fixture.open().await.unwrap();
    resealed(&vault).await;
    assert_eq!(value(&vault, "key").await.unwrap(), "hunter2-hunter2");
    close(vault).await;

    fixture.config.vault = VaultConfig { key: Some(new), former_key: None };
    let vault = fixture.open().await.unwrap();
    assert_eq!(value(&vault, "key").await.unwrap(), "hunter2-hunter2");
    close(vault).await;
    fixture.config.vault.key = Some(old);
    assert_eq!(fixture.refused().await.code, "vault.key_wrong");
}

#[tokio::test]
async fn what_is_kept_of_a_turn_can_be_read_by_this_vault_only_and_for_this_mission_only() {
    let fixture = Fixture::new();
    let vault = fixture.open().await.unwrap();
    let mission = MissionId::new();
    let sealed = vault.seal_state(mission, b"half of hunter2");
    assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
    vault.rotate().await.unwrap();
    resealed(&vault).await;
    close(vault).await;
    let vault = fixture.open().await.unwrap();
    assert_eq!(vault.open_state(mission, Some(sealed.clone())), Some(b"half of hunter2".to_vec()));
    assert_eq!(vault.open_state(MissionId::new(), Some(sealed)), None);
    assert_eq!(vault.open_state(mission, Some(b"{}".to_vec())), None);
    close(vault).await;
}

#[tokio::test]
async fn a_value_is_kept_out_of_what_is_told_before_it_is_used_and_after_it_was_replaced() {
    let fixture = Fixture::new();
    let vault = fixture.open().await.unwrap();
    set(&vault, "key", b"hunter2-hunter2", &[]).await.unwrap();
    set(&vault, "key", b"another-value", &[]).await.unwrap();
    assert_eq!(vault.redaction().text("hunter2-hunter2 another-value"), "[secret key] [secret key]");
    close(vault).await;
    let vault = fixture.open().await.unwrap();
    assert_eq!(vault.redaction().text("another-value"), "[secret key]");
    close(vault).await;
}
