//! A component that is no plugin.
#![allow(missing_docs, unreachable_pub, reason = "the bindings are generated")]

wit_bindgen::generate!({
    inline: "
        package other:thing;

        interface x {
            answer: func() -> u32;
        }

        world w {
            export x;
        }
    ",
});

struct Thing;

impl exports::other::thing::x::Guest for Thing {
    fn answer() -> u32 {
        42
    }
}

export!(Thing);
