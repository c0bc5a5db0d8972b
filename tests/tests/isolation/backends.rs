//! The backends that are tried, and what is known to lead out of each.

use sandboxed_tests::{config, root, server::Options};
use serde_json::{Value, json};

/// A backend whose workspaces are tried.
pub(crate) struct Backend {
    /// Its plugin.
    pub(crate) id: &'static str,
    /// The configuration of a server that has it; absent is that of all tests.
    pub(crate) config: fn() -> Option<String>,
    /// The options of its workspaces.
    pub(crate) options: fn() -> Value,
    /// What its processes share with the machine: attempts of `escape.sh` that come to their end, besides those that
    /// the list of hosts lets through.
    pub(crate) shared: &'static [&'static str],
    /// The same when the server is an ordinary user.
    pub(crate) shared_with_a_user: &'static [&'static str],
    /// Whether a workspace can have the machine's network.
    pub(crate) shares_the_network: bool,
    /// The line of its plugin's table that gives /tmp [`SMALL_TMP`] bytes and /dev/shm half of them. Absent: both are
    /// the machine's.
    pub(crate) small_tmp: Option<&'static str>,
}

pub(crate) const SMALL_TMP: u64 = 4 << 20;

/// Every backend.
pub(crate) static ALL: [&Backend; 4] = [&BUBBLEWRAP, &HOST, &NSPAWN, &DOCKER];

impl Backend {
    /// How a server is started that has it.
    pub(crate) fn server(&self) -> Options {
        Options { config: (self.config)(), ..Options::default() }
    }

    /// The body of a request for a workspace.
    pub(crate) fn workspace(&self, body: Value) -> Value {
        let mut whole = json!({ "backend": self.id, "options": (self.options)() });
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        whole
    }
}

/// Makes a module of tests for each backend: `on_each_backend!(a, b)` calls `a(&Backend)` and `b(&Backend)`.
macro_rules! on_each_backend {
    ($($test:ident),+ $(,)?) => {
        on_each_backend!(@ bubblewrap BUBBLEWRAP $($test)+);
        on_each_backend!(@ host HOST $($test)+);
        on_each_backend!(@ nspawn NSPAWN $($test)+);
        on_each_backend!(@ docker DOCKER $($test)+);
    };
    // Without those that lack what the tests run inside.
    (on the machines programs: $($test:ident),+ $(,)?) => {
        on_each_backend!(@ programs_of_bubblewrap BUBBLEWRAP $($test)+);
        on_each_backend!(@ programs_of_host HOST $($test)+);
    };
    (@ $module:ident $backend:ident $($test:ident)+) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(&crate::backends::$backend).await;
                }
            )+
        }
    };
}

fn no_options() -> Value {
    json!({})
}

fn of_all_tests() -> Option<String> {
    None
}

pub(crate) static BUBBLEWRAP: Backend = Backend {
    id: "bubblewrap",
    config: of_all_tests,
    options: no_options,
    shared: &[],
    shared_with_a_user: &[],
    shares_the_network: true,
    small_tmp: Some("config = { tmp_size = 4194304, shm_size = 2097152 }"),
};

pub(crate) static HOST: Backend = Backend {
    id: "host",
    config: of_all_tests,
    options: no_options,
    shared: &[
        "settings_of_the_machine",
        "file_of_the_machine_that_all_may_read",
        "directory_of_the_machine_that_all_may_write",
        "see_the_server",
        "see_the_neighbour",
        "see_the_machine",
        "shared_memory_of_the_machine",
        "socket_for_everybody",
    ],
    shared_with_a_user: &[
        "settings_of_the_machine",
        "file_of_the_machine_that_all_may_read",
        "directory_of_the_machine_that_all_may_write",
        "see_the_server",
        "see_the_neighbour",
        "see_the_machine",
        "shared_memory_of_the_machine",
        "socket_for_everybody",
    ],
    shares_the_network: true,
    small_tmp: None,
};

pub(crate) static NSPAWN: Backend = Backend {
    id: "nspawn",
    config: || {
        root::archive();
        None
    },
    options: || json!({ "image": root::IMAGE }),
    shared: &[],
    shared_with_a_user: &[],
    shares_the_network: true,
    small_tmp: Some("tmp_size = 4194304, shm_size = 2097152, "),
};

pub(crate) static DOCKER: Backend = Backend {
    id: "docker",
    config: || Some(config::with_an_engine()),
    options: no_options,
    shared: &[],
    shared_with_a_user: &[],
    shares_the_network: false,
    small_tmp: None,
};
