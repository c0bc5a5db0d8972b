//! A catalogue as TOML.

/// The catalogue that comes with the server. It is the file `config/models.toml` of the repository.
pub const EMBEDDED: &str = include_str!("../../../../config/models.toml");
