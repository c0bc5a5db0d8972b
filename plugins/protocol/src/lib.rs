//! What drivers of coding agents share: reading what an agent prints, the protocols that several of them speak, one
//! table of what can go wrong, and how their programs are installed.
//!
//! It knows protocols and no agent: what only one of them does belongs in that agent's plugin. Like a driver it has no
//! clock and no I/O. All that an agent prints is taken for hostile: nothing here panics at it or grows with it.

pub mod attached;
pub mod configured;
pub mod diff;
pub mod install;
pub mod lines;
pub mod rpc;
pub mod stream_json;
pub mod title;
pub mod trouble;
