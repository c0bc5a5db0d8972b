//! What wasmtime makes of the contracts. Nothing is written by hand here.
#![allow(missing_docs, unreachable_pub, clippy::all)]

/// The interfaces that the host lends, shared by all worlds.
pub(crate) mod host {
    wasmtime::component::bindgen!({
        inline: "
            package sandboxed:everything;
            world lent {
                import sandboxed:host/log@0.1.0;
                import sandboxed:host/config@0.1.0;
                import sandboxed:host/kv@0.1.0;
                import sandboxed:host/secrets@0.1.0;
                import sandboxed:host/fetch@0.1.0;
                import sandboxed:host/run@0.1.0;
                import sandboxed:host/progress@0.1.0;
                import sandboxed:host/containers@0.1.0;
                import sandboxed:host/workspace-files@0.1.0;
                import sandboxed:host/workspace-run@0.1.0;
            }
        ",
        path: ["../../wit/types", "../../wit/host"],
        world: "sandboxed:everything/lent",
        imports: { default: async | trappable },
        require_store_data_send: true,
    });
    pub use sandboxed::{host::*, types::*};
}

pub(crate) mod backend {
    wasmtime::component::bindgen!({
        path: ["../../wit/types", "../../wit/host", "../../wit/backend"],
        world: "sandboxed:backend/backend",
        imports: { default: async | trappable },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "sandboxed:types": super::host::sandboxed::types,
            "sandboxed:host": super::host::sandboxed::host,
        },
    });
}

pub(crate) mod harness {
    wasmtime::component::bindgen!({
        path: ["../../wit/types", "../../wit/host", "../../wit/harness"],
        world: "sandboxed:harness/harness",
        imports: { default: async | trappable },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "sandboxed:types": super::host::sandboxed::types,
            "sandboxed:host": super::host::sandboxed::host,
        },
    });
}

pub(crate) mod tools {
    wasmtime::component::bindgen!({
        path: ["../../wit/types", "../../wit/host", "../../wit/tools"],
        world: "sandboxed:tools/tools",
        imports: { default: async | trappable },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "sandboxed:types": super::host::sandboxed::types,
            "sandboxed:host": super::host::sandboxed::host,
        },
    });
}
