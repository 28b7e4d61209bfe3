//! How much of each proof is run, and from which seed.

use std::env;
use std::time::Duration;

use crate::inputs::now_millis;

/// For answers, for a start, for a member that must notice something.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// What the configuration allows a drain, and the broker's answers.
pub(super) const DRAINED_WITHIN: Duration = Duration::from_secs(45);

/// The value for the form that is run: the long one where `STOPLINE_CAMPAIGN` is `long`.
pub(super) fn by_form<T>(short: T, long: T) -> T {
    match env::var("STOPLINE_CAMPAIGN").as_deref() {
        Err(_) | Ok("short") => short,
        Ok("long") => long,
        Ok(other) => panic!("STOPLINE_CAMPAIGN is `short` or `long`, not `{other}`"),
    }
}

/// The seed of a proof: `STOPLINE_CAMPAIGN_SEED`, else another at each run.
pub(super) fn seed() -> u64 {
    let given = env::var("STOPLINE_CAMPAIGN_SEED").ok();
    given.map_or(now_millis().unsigned_abs(), |text| text.parse().expect("a seed"))
}
