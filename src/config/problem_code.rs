//! What kinds of problems there are: names that programs can hold on to.

/// What kind of problem something is. A name once given stays: programs that read
/// `check --format json` hold on to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Code {
    /// The text is not TOML.
    TomlSyntax,
    /// The text is not UTF-8.
    NotUtf8,
    /// A file cannot be read.
    Unreadable,
    /// A key that no table of this kind has.
    UnknownKey,
    /// A key that must be there is not.
    MissingKey,
    /// A value of another type than the key takes.
    WrongType,
    /// A number or a span outside its limits.
    OutOfRange,
    /// A value that is not one of the words that the key takes.
    UnknownValue,
    /// A value that is wrong in another way; the message says in which.
    InvalidValue,
    /// A name that is used twice.
    DuplicateName,
    /// A condition that does not follow the grammar of CEL.
    ConditionSyntax,
    /// A construct of CEL that is not compiled.
    NotCompiled,
    /// Two values in a condition that do not go together.
    ConditionType,
    /// Money beside a plain number.
    WrongUnit,
    /// A name in a condition that is no field and nothing that the file declares.
    UnknownName,
    /// A rule that no payment fires.
    NeverFires,
    /// A rule that every payment fires.
    AlwaysFires,
    /// A part of a condition that says nothing.
    IdleCondition,
    /// Bands that overlap, or leave a gap.
    Bands,
    /// A threshold outside its own bounds.
    OutsideBounds,
    /// A rule that gives an outcome or a reason that is not a rule's to give.
    ImpossibleOutcome,
    /// Something that is declared and that nothing reads.
    Unused,
    /// A calendar that ends, or does not reach as far as it is needed.
    Calendar,
    /// What the Kafka client does not take.
    ClientProperty,
    /// A story of `--scenarios` that came out differently.
    Scenario,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::TomlSyntax,
        Self::NotUtf8,
        Self::Unreadable,
        Self::UnknownKey,
        Self::MissingKey,
        Self::WrongType,
        Self::OutOfRange,
        Self::UnknownValue,
        Self::InvalidValue,
        Self::DuplicateName,
        Self::ConditionSyntax,
        Self::NotCompiled,
        Self::ConditionType,
        Self::WrongUnit,
        Self::UnknownName,
        Self::NeverFires,
        Self::AlwaysFires,
        Self::IdleCondition,
        Self::Bands,
        Self::OutsideBounds,
        Self::ImpossibleOutcome,
        Self::Unused,
        Self::Calendar,
        Self::ClientProperty,
        Self::Scenario,
    ];

    /// Its name, for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TomlSyntax => "toml_syntax",
            Self::NotUtf8 => "not_utf8",
            Self::Unreadable => "unreadable",
            Self::UnknownKey => "unknown_key",
            Self::MissingKey => "missing_key",
            Self::WrongType => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::UnknownValue => "unknown_value",
            Self::InvalidValue => "invalid_value",
            Self::DuplicateName => "duplicate_name",
            Self::ConditionSyntax => "condition_syntax",
            Self::NotCompiled => "not_compiled",
            Self::ConditionType => "condition_type",
            Self::WrongUnit => "wrong_unit",
            Self::UnknownName => "unknown_name",
            Self::NeverFires => "never_fires",
            Self::AlwaysFires => "always_fires",
            Self::IdleCondition => "idle_condition",
            Self::Bands => "bands",
            Self::OutsideBounds => "outside_bounds",
            Self::ImpossibleOutcome => "impossible_outcome",
            Self::Unused => "unused",
            Self::Calendar => "calendar",
            Self::ClientProperty => "client_property",
            Self::Scenario => "scenario",
        }
    }
}
