//! Loading as an operator sees it.

use std::{path::Path, time::Duration};

use super::{
    Config, EMBEDDED, Invalid, KnownHosts, Loaded, SecretSource, Source, Span, load,
    shape::{Shape, shape_at},
};

const HOME: &str = "/home/op";

fn source(text: &str) -> Source<'_> {
    Source { name: "sandboxed.toml", text, home: Some(Path::new(HOME)), working_dir: Path::new("/srv") }
}

fn load_with(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, Invalid> {
    load(source(text), variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())), &[])
}

#[track_caller]
fn problems(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    match load_with(text, variables) {
        Err(invalid) => invalid.problems.iter().map(ToString::to_string).collect(),
        Ok(_) => panic!("it was accepted"),
    }
}

/// Every key that there is, `*` for a key of the operator's choice and for an entry of a list.
fn all_keys() -> Vec<String> {
    fn walk(path: &mut Vec<String>, keys: &mut Vec<String>) {
        match shape_at::<Config>(path) {
            Some(Shape::Table(known)) => {
                for key in known {
                    path.push((*key).to_owned());
                    walk(path, keys);
                    path.pop();
                }
            }
            Some(Shape::List) if path.last().is_some_and(|key| key == "plugin") => {
                path.push("*".to_owned());
                walk(path, keys);
                path.pop();
            }
            Some(_) => keys.push(path.join(".")),
            None => panic!("{path:?} has no shape"),
        }
    }
    let mut keys = Vec::new();
    walk(&mut Vec::new(), &mut keys);
    keys
}

/// The embedded file with the lines `#key = value` and `#[[table]]` in force.
fn uncommented() -> String {
    let mut text = String::new();
    for line in EMBEDDED.lines() {
        let setting = line.strip_prefix('#').filter(|rest| !rest.starts_with(' '));
        text.push_str(setting.unwrap_or(line));
        text.push('\n');
    }
    text
}

#[test]
fn the_types_tell_every_key() {
    let keys = all_keys();
    for key in ["server.listen", "missions.stall_after", "secrets", "plugin.*.id", "plugin.*.grants.workspace_files"] {
        assert!(keys.iter().any(|known| known == key), "{key} is missing in {keys:?}");
    }
    assert!(keys.len() > 25, "{keys:?}");
}

#[test]
fn the_file_that_comes_with_the_server_explains_every_key() {
    let text = uncommented();
    let table: toml::Table = text.parse().unwrap();
    for key in all_keys() {
        let mut names = key.split('.');
        let mut found = vec![&table[names.next().unwrap()]];
        for name in names {
            found = found
                .into_iter()
                .flat_map(|value| match (name, value) {
                    ("*", toml::Value::Array(entries)) => entries.iter().collect(),
                    (name, value) => value.get(name).into_iter().collect::<Vec<_>>(),
                })
                .collect();
        }
        assert!(!found.is_empty(), "config/sandboxed.toml does not show {key}");
    }
}

#[test]
fn every_example_in_the_file_that_comes_with_the_server_is_valid() {
    let loaded = load_with(&uncommented(), &[]).unwrap();
    assert!(loaded.config.auth.admin_password_file.is_some(), "the examples were not in force");
    assert_eq!(loaded.config.plugin.len(), 13);
}

#[test]
fn the_file_that_comes_with_the_server_says_the_defaults() {
    let mut file = load_with(EMBEDDED, &[]).unwrap().config;
    let plugins: Vec<_> = file.plugin.drain(..).map(|plugin| plugin.id.to_string()).collect();
    let defaults = load_with("", &[]).unwrap().config;

    let backends = ["bubblewrap", "nspawn", "docker", "host"];
    let harnesses = ["shell", "claude-code", "codex", "opencode", "gemini", "grok", "goose"];
    assert_eq!(plugins, [&backends[..], &harnesses, &["workspace"]].concat());
    assert_eq!(format!("{file:#?}"), format!("{defaults:#?}"));
    assert_eq!(Config::default().server.data_dir, Path::new("~/.sandboxed-sh"));
    assert_eq!(defaults.server.data_dir, Path::new("/home/op/.sandboxed-sh"));
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known_key() {
    assert_eq!(
        problems("[server]\n\nlisten_addr = \"127.0.0.1:1\"\n", &[]),
        ["sandboxed.toml:3: server.listen_addr: unknown key; did you mean \"listen\"?"]
    );
    assert_eq!(
        problems("[sever]\nlisten = \"127.0.0.1:1\"\n", &[]),
        ["sandboxed.toml:1: sever: unknown key; did you mean \"server\"?"]
    );
    let plugin = "[[plugin]]\nid = \"a\"\nkind = \"tools\"\ncomponent = \"a.wasm\"\ngrants.workspace_file = \"read\"\n";
    assert_eq!(
        problems(plugin, &[]),
        ["sandboxed.toml:5: plugin[0].grants.workspace_file: unknown key; did you mean \"workspace_files\"?"]
    );
}

#[test]
fn a_wrong_type_names_the_key_the_line_and_what_is_expected() {
    let found = problems("[missions]\nmax_parallel = \"many\"\nstall_after = 5\nmessage_limit = \"2MB\"\n", &[]);

    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found[0].starts_with("sandboxed.toml:2: missions.max_parallel: invalid type: string \"many\""),
        "{found:?}"
    );
    assert_eq!(
        found[1],
        "sandboxed.toml:3: missions.stall_after: invalid type: integer `5`, expected a length of time like \"30s\""
    );
    assert_eq!(
        found[2],
        "sandboxed.toml:4: missions.message_limit: invalid value: string \"2MB\", expected a size like \"64MiB\""
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text =
        "[server]\nlisten = 3\nx = 1\n[[plugin]]\nid = \"UPPER\"\nkind = \"tool\"\n[[plugin]]\nkind = \"tools\"\n";
    let found = problems(text, &[("SANDBOXED_SH__RUNS__KEPT", "1d")]);

    for expected in [
        "sandboxed.toml:2: server.listen: ",
        "sandboxed.toml:3: server.x: ",
        "sandboxed.toml:5: plugin[0].id: ",
        "sandboxed.toml:6: plugin[0].kind: ",
        "sandboxed.toml:7: plugin[1]: missing field",
        "SANDBOXED_SH__RUNS__KEPT: runs.kept: unknown key; did you mean SANDBOXED_SH__RUNS__KEEP?",
    ] {
        assert!(found.iter().any(|problem| problem.starts_with(expected)), "{expected:?} is not in {found:#?}");
    }
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn a_syntax_error_names_its_line() {
    let found = problems("[server]\nlisten = \n", &[]);
    assert!(found[0].starts_with("sandboxed.toml:2: "), "{found:?}");
}

#[test]
fn two_plugins_cannot_have_one_id() {
    let plugin = "[[plugin]]\nid = \"a\"\nkind = \"tools\"\ncomponent = \"a.wasm\"\n";
    assert_eq!(
        problems(&plugin.repeat(2), &[]),
        ["sandboxed.toml:6: plugin[1].id: there is a plugin \"a\" already, at sandboxed.toml:1"]
    );
}

#[test]
fn the_name_of_ports_is_none_of_the_servers_own() {
    let with = |ports_host: &str| {
        let text = format!("[server]\nallowed_hosts = [\"agents.example.org\"]\nports_host = \"{ports_host}\"");
        load_with(&text, &[]).is_ok()
    };
    for good in ["ports.example.net", "ports.example.net:8443", "ports.agents.example.org", "p"] {
        assert!(with(good), "{good}");
    }
    for bad in
        ["agents.example.org", "example.org", "org:80", "10.0.0.1", "Ports.example.net", "a..b", "", "a:b", "*.a"]
    {
        assert!(!with(bad), "{bad}");
    }
}

#[test]
fn variables_win_over_the_file_and_are_read_as_the_key_expects() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\n[secrets]\nmy-key = { env = \"A\" }\n\
                [[plugin]]\nid = \"claude-code\"\nkind = \"harness\"\ncomponent = \"c.wasm\"\n";
    let config = load_with(
        text,
        &[
            ("SANDBOXED_SH__SERVER__LISTEN", "127.0.0.1:2"),
            ("SANDBOXED_SH__SERVER__ALLOWED_HOSTS", "a.example, b.example"),
            ("SANDBOXED_SH__MISSIONS__MAX_PARALLEL", "9"),
            ("SANDBOXED_SH__SECRETS__MY_KEY", "{ file = \"~/key\" }"),
            ("SANDBOXED_SH__PLUGIN__CLAUDE_CODE__GRANTS__LOG", "true"),
            ("SANDBOXED_SH__PLUGIN__CLAUDE_CODE__GRANTS__RUN", "[\"a,b\"]"),
            ("SANDBOXED_SH__PLUGIN__CLAUDE_CODE__LIMITS__MEMORY", "1GiB"),
            ("SANDBOXED_SH_CONFIG", "passed over"),
        ],
    )
    .unwrap()
    .config;

    assert_eq!(config.server.listen, "127.0.0.1:2");
    assert_eq!(config.server.allowed_hosts, ["a.example", "b.example"]);
    assert_eq!(config.missions.max_parallel, 9);
    assert_eq!(config.secrets["my-key"], SecretSource::File("/home/op/key".into()));
    assert!(config.plugin[0].grants.log);
    assert_eq!(config.plugin[0].grants.run, ["a,b"]);
    assert_eq!(config.plugin[0].limits.memory.0, 1 << 30);
}

#[test]
fn a_variable_with_an_unknown_key_or_a_wrong_value_is_refused() {
    assert_eq!(
        problems("", &[("SANDBOXED_SH__SERVER__LISTN", "127.0.0.1:2")]),
        ["SANDBOXED_SH__SERVER__LISTN: server.listn: unknown key; did you mean SANDBOXED_SH__SERVER__LISTEN?"]
    );
    let found = problems("", &[("SANDBOXED_SH__MISSIONS__MAX_PARALLEL", "many")]);
    assert!(
        found[0].starts_with("SANDBOXED_SH__MISSIONS__MAX_PARALLEL: missions.max_parallel: invalid type"),
        "{found:?}"
    );
    let found = problems(EMBEDDED, &[("SANDBOXED_SH__PLUGIN__SHEL__GRANTS__LOG", "true")]);
    assert!(found[0].ends_with("did you mean the plugin \"shell\"?"), "{found:?}");
    let found = problems("", &[("SANDBOXED_SH__SERVER__LISTEN__PORT", "1")]);
    assert!(found[0].contains("unknown key"), "{found:?}");
}

#[test]
fn options_win_over_variables() {
    let variables = [("SANDBOXED_SH__SERVER__LISTEN".to_owned(), "127.0.0.1:2".to_owned())];
    let options = [("server.listen", "127.0.0.1:3".to_owned(), "--listen")];
    assert_eq!(load(source(""), variables, &options).ok().unwrap().config.server.listen, "127.0.0.1:3");

    let options = [("server.listen", "nowhere".to_owned(), "--listen")];
    let invalid = load(source(""), [], &options).err().unwrap();
    assert!(invalid.to_string().starts_with("--listen: server.listen: \"nowhere\" is no address"), "{invalid}");
}

#[test]
fn the_variables_of_the_former_server_keep_working() {
    let loaded = load_with(
        EMBEDDED,
        &[
            ("HOST", "0.0.0.0"),
            ("PORT", "8080"),
            ("WORKING_DIR", "/data"),
            ("DASHBOARD_PASSWORD", "correct horse battery"),
            ("MAX_PARALLEL_MISSIONS", "7"),
            ("SANDBOXED_SH_ALLOW_CONTAINER_FALLBACK", "1"),
        ],
    )
    .unwrap();

    assert_eq!(loaded.config.server.listen, "0.0.0.0:8080");
    assert_eq!(loaded.config.server.data_dir, Path::new("/data/.sandboxed-sh"));
    assert_eq!(loaded.config.missions.max_parallel, 7);
    assert_eq!(loaded.admin_password.as_deref(), Some("correct horse battery"));
    assert!(loaded.warnings[0].contains("no effect"), "{:?}", loaded.warnings);
}

#[test]
fn a_host_name_that_a_shell_set_is_passed_over_with_a_warning() {
    let loaded = load_with("", &[("HOST", "my-laptop")]).unwrap();
    assert_eq!(loaded.config.server.listen, "127.0.0.1:3000");
    assert!(loaded.warnings[0].contains("my-laptop"), "{:?}", loaded.warnings);
}

#[test]
fn an_address_that_others_can_reach_needs_a_chosen_password() {
    for listen in ["0.0.0.0:3000", "[::]:3000", "192.168.1.5:3000"] {
        let text = format!("[server]\nlisten = {listen:?}\n");
        let found = problems(&text, &[]);
        assert!(found[0].contains("auth.admin_password_file"), "{found:?}");
        assert!(load_with(&text, &[("DASHBOARD_PASSWORD", "correct horse battery")]).is_ok());
        assert!(load_with(&format!("{text}[auth]\nadmin_password_file = \"/p\"\n"), &[]).is_ok());
    }
    for listen in ["127.0.0.1:3000", "[::1]:0", "localhost:80", "127.1.2.3:80"] {
        assert!(load_with(&format!("[server]\nlisten = {listen:?}\n"), &[]).is_ok(), "{listen}");
    }
    for listen in ["3000", "localhost", "example.org:80", "127.0.0.1:99999", "::1:80", ""] {
        let found = problems(&format!("[server]\nlisten = {listen:?}\n"), &[]);
        assert!(found[0].contains("no address to listen on"), "{listen}: {found:?}");
    }
}

#[test]
fn a_default_plugin_that_is_not_there_is_refused_where_it_is_written() {
    let text = EMBEDDED.replace("default_harness = \"shell\"", "default_harness = \"claude\"");
    let found = problems(&text, &[]);
    assert!(found[0].contains("there is no harness plugin \"claude\"; there are shell, claude-code,"), "{found:?}");
}

#[test]
fn a_registry_is_an_address_without_a_password_and_a_mirror_may_lie_at_home() {
    for registry in ["registry.npmjs.org", "ftp://a", "https://", "https://u:p@a.example", "https://a.example/?x"] {
        let found = problems(&format!("[harnesses]\nregistry = \"{registry}\"\n"), &[]);
        assert!(found.len() == 1 && found[0].contains("harnesses.registry"), "{registry}: {found:?}");
    }
    let harnesses = load_with("[harnesses]\nmirror = \"~/archives\"\n", &[]).unwrap().config.harnesses;
    assert_eq!(harnesses.mirror.as_deref(), Some(Path::new("/home/op/archives")));
}

#[test]
fn limits_of_nothing_are_refused() {
    let found = problems("[missions]\nmax_parallel = 0\n[runs]\nspool_limit = \"0\"\n", &[]);
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn relative_paths_begin_at_the_working_directory() {
    let config = load_with("[server]\ndata_dir = \"data\"\n", &[]).unwrap().config;
    assert_eq!(config.server.data_dir, Path::new("/srv/data"));
}

#[test]
fn a_host_of_repositories_is_opened_by_a_password_or_by_a_key_with_the_hosts_own() {
    let of = |entry: &str| load_with(&format!("[git.credentials]\n\"git.example.org\" = {entry}\n"), &[]);
    let known_hosts = |entry: &str| of(entry).unwrap().config.git.credentials["git.example.org"].known_hosts.clone();

    assert!(of("{ secret = \"token\" }").is_ok());
    let file = known_hosts("{ ssh_key = \"key\", known_hosts = \"~/known_hosts\" }");
    assert_eq!(file, Some(KnownHosts::File("/home/op/known_hosts".into())));
    let lines = "git.example.org ssh-ed25519 AAAA";
    let given = known_hosts(&format!("{{ ssh_key = \"key\", passphrase = \"p\", known_hosts = \"{lines}\" }}"));
    assert_eq!(given, Some(KnownHosts::Lines(lines.to_owned())));
    for (entry, wrong) in [
        ("{ username = \"git\" }", "names no secret"),
        ("{ secret = \"\" }", "names no secret"),
        ("{ secret = \"t\", ssh_key = \"k\", known_hosts = \"/f\" }", "give each an entry"),
        ("{ secret = \"t\", known_hosts = \"/f\" }", "goes with `ssh_key`"),
        ("{ secret = \"t\", passphrase = \"p\" }", "goes with `ssh_key`"),
        ("{ ssh_key = \"k\" }", "by which keys the host is known"),
        ("{ ssh_key = \"k\", known_hosts = \" \" }", "is empty"),
        ("{ ssh_key = \"k\", known_hosts = \"/f\", username = \"-oProxyCommand=x\" }", "`username` is letters"),
    ] {
        let found = problems(&format!("\n[git.credentials]\n\"git.example.org\" = {entry}\n"), &[]);
        assert!(found[0].starts_with("sandboxed.toml:3: ") && found[0].contains(wrong), "{entry}: {found:?}");
    }
}

#[test]
fn an_engine_is_granted_by_a_name_that_is_there() {
    let engine = "address = \"tcp://10.0.0.5:2376\"\nca = \"ca.pem\"\ncert = \"/c.pem\"\nkey = \"~/key.pem\"\n";
    let plugin =
        "[[plugin]]\nid = \"d\"\nkind = \"backend\"\ncomponent = \"d.wasm\"\ngrants.containers = [\"build1\"]\n";

    let config = load_with(&format!("[engines.build1]\n{engine}{plugin}"), &[]).unwrap().config;
    assert_eq!(config.engines["build1"].ca, Path::new("/srv/ca.pem"));
    assert_eq!(config.engines["build1"].patience, Span(Duration::from_secs(600)));

    let unknown = problems(plugin, &[]);
    assert!(unknown[0].contains("there is no [engines.build1]"), "{unknown:?}");
    let named = problems(&format!("[engines.\"/run/sock\"]\n{engine}"), &[]);
    assert!(named[0].contains("the first a letter"), "{named:?}");
    let plain = problems("[engines.build1]\naddress = \"tcp://10.0.0.5:2375\"\n", &[]);
    assert!(!plain.is_empty(), "an engine without certificates was taken");
}
