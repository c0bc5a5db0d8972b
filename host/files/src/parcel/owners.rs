//! Whom files belong to inside of an archive and on the machine.

use rustix::fs::{Gid, Uid};

use crate::{Error, Result};

/// Whose the files of a directory are. An archive holds ids as they are inside: they mean the same wherever it is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// All are one user's; absent is the server's own.
    One {
        /// The user's id on the machine.
        user: Option<u32>,
        /// Its id inside.
        inside: u32,
    },
    /// They are those of a range.
    Range {
        /// The id on the machine of whoever is 0 inside.
        first: u32,
        /// How many there are.
        count: u32,
        /// What is told inside of whoever is none of the range.
        stranger: u32,
    },
}

impl Owners {
    /// The id inside of an id of the machine.
    pub(super) fn inside(self, id: u32) -> u32 {
        match self {
            Self::One { inside, .. } => inside,
            Self::Range { first, count, stranger } => {
                id.checked_sub(first).filter(|inside| *inside < count).unwrap_or(stranger)
            }
        }
    }

    /// The owner on the machine for these ids inside; absent leaves what is made to the server's user.
    pub(super) fn outside(self, user: u32, group: u32) -> Result<Option<(Uid, Gid)>> {
        let (user, group) = match self {
            Self::One { user: None, .. } => return Ok(None),
            Self::One { user: Some(user), .. } => (user, user),
            Self::Range { first, count, .. } => {
                let on_machine = |id: u32| first.checked_add(id).filter(|_| id < count);
                let unknown = || Error::ArchiveInvalid(format!("it holds files of users beyond the {count} there are"));
                (on_machine(user).ok_or_else(unknown)?, on_machine(group).ok_or_else(unknown)?)
            }
        };
        Ok(Some((Uid::from_raw(user), Gid::from_raw(group))))
    }

    /// The bits of a mode that are kept: set-user-id and set-group-id only where the users are of a range of their own.
    pub(super) fn mode(self, mode: u32) -> u32 {
        match self {
            Self::One { .. } => mode & 0o1777,
            Self::Range { .. } => mode & 0o7777,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_left_in_neither_direction() {
        let range = Owners::Range { first: 1_000_000, count: 65_536, stranger: 1000 };
        assert_eq!(range.inside(1_000_033), 33);
        assert_eq!((range.inside(0), range.inside(1_065_536)), (1000, 1000));
        assert_eq!(range.outside(0, 7).unwrap().unwrap().0.as_raw(), 1_000_000);
        for (user, group) in [(65_536, 0), (0, 65_536), (u32::MAX, 0)] {
            assert!(matches!(range.outside(user, group), Err(Error::ArchiveInvalid(_))));
        }
    }

    #[test]
    fn of_one_user_nothing_is_set_user_id() {
        let one = Owners::One { user: Some(5), inside: 1000 };
        assert_eq!((one.inside(0), one.mode(0o7755)), (1000, 0o1755));
        assert_eq!(one.outside(0, 0).unwrap().unwrap().1.as_raw(), 5);
    }
}
