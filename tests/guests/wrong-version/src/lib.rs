//! A harness of a release that never was.
#![allow(missing_docs, unreachable_pub, reason = "the bindings are generated")]

wit_bindgen::generate!({
    inline: "
        package sandboxed:harness@0.9.0;

        interface driver {
            describe: func() -> string;
        }

        world w {
            export driver;
        }
    ",
});

struct Old;

impl exports::sandboxed::harness::driver::Guest for Old {
    fn describe() -> String {
        "of another time".to_owned()
    }
}

export!(Old);
