//! The dashboard as it was built before this program.

include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));
