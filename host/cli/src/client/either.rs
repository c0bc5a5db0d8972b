//! One call for both kinds of server.

/// Calls the method of the same name on whichever it is.
macro_rules! either {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match $self {
            Self::Embedded(server) => server.$method($($argument),*).await,
            Self::Http(server) => server.$method($($argument),*).await,
        }
    };
}
