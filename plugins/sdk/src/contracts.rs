//! What all kinds of plugins share, generated from `wit/`: one `Failure`, one `Command` and one face of each interface
//! that the host lends, whatever the plugin exports. A component imports only what it calls.

wit_bindgen::generate!({
    inline: r#"
        package sandboxed:sdk;
        world shared {
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
    "#,
    path: ["wit/types", "wit/host"],
    generate_all,
    additional_derives: [Clone, PartialEq],
});
