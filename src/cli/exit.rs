//! What a command's exit code means. 64 and above as in `sysexits.h`, where it has a word.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done.
    Ok,
    /// Something failed while running.
    Failed,
    /// The command line is wrong.
    Usage,
    /// Some of the input was bad.
    BadInput,
    /// No broker answers.
    Unreachable,
    /// An invariant is broken: report it.
    Broken,
    /// A file could not be read or written.
    Disk,
    /// Fenced or stepped down: start it again.
    SteppedDown,
    /// The configuration is wrong.
    BadConfig,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::BadInput => 65,
            Self::Unreachable => 69,
            Self::Broken => 70,
            Self::Disk => 74,
            Self::SteppedDown => 75,
            Self::BadConfig => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
