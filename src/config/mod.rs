//! THE READERS: text as written becomes values as run, all problems at once.

mod settings;

pub use settings::{
    DoorSettings, KafkaSettings, LogFormat, MessageFormat, Settings, TopicSettings,
};
