//! When a step is climbed and left.

use proptest::prelude::*;

use super::*;

use OverloadStep::{OptionalOff, ShadowOff, StandIn};

const NANOS_PER_MILLI: u64 = 1_000_000;

fn settings() -> OverloadSettings {
    let step = |wait_above, wait_below, queue_above_percent, queue_below_percent| StepBounds {
        wait_above: Span::from_millis(wait_above),
        wait_below: Span::from_millis(wait_below),
        queue_above_percent,
        queue_below_percent,
    };
    OverloadSettings {
        steps: [step(250, 50, 40, 20), step(1_000, 250, 60, 30), step(5_000, 1_000, 80, 40)],
        rise_after: Duration::from_secs(1),
        fall_after: Duration::from_secs(10),
    }
}

fn waits(millis: i64) -> Pressure {
    Pressure { wait: Span::from_millis(millis), queue_percent: 0 }
}

fn queued(queue_percent: u8) -> Pressure {
    Pressure { wait: Span::ZERO, queue_percent }
}

/// Lets `governor` see `pressure` every 100 ms from `from_millis` to before `to_millis`; tells
/// when it moved, and to where.
fn see(
    governor: &mut Governor,
    (from_millis, to_millis): (u64, u64),
    pressure: Pressure,
) -> Vec<(u64, OverloadStep)> {
    let moments = (from_millis..to_millis).step_by(100);
    moments
        .filter_map(|millis| {
            let moved = governor.observe(millis * NANOS_PER_MILLI, pressure)?;
            assert_eq!(moved.to, governor.step());
            Some((millis, moved.to))
        })
        .collect()
}

#[test]
fn a_step_is_climbed_once_the_pressure_was_above_its_bound_for_long_enough() {
    let climbs: [(Pressure, &[(u64, OverloadStep)]); 9] = [
        (waits(0), &[]),
        (waits(250), &[]), // At the bound is not above it.
        (waits(251), &[(1_000, ShadowOff)]),
        (waits(1_000), &[(1_000, ShadowOff)]),
        (waits(1_001), &[(1_000, ShadowOff), (2_100, OptionalOff)]),
        (waits(60_000), &[(1_000, ShadowOff), (2_100, OptionalOff), (3_200, StandIn)]),
        (queued(40), &[]),
        (queued(61), &[(1_000, ShadowOff), (2_100, OptionalOff)]),
        (queued(100), &[(1_000, ShadowOff), (2_100, OptionalOff), (3_200, StandIn)]),
    ];
    for (pressure, expected) in climbs {
        let mut governor = Governor::new(Some(settings()));
        assert_eq!(see(&mut governor, (0, 60_000), pressure), expected, "{pressure:?}");
    }
}

#[test]
fn a_break_in_the_pressure_starts_the_time_anew() {
    let mut governor = Governor::new(Some(settings()));
    for second in 0..60 {
        let begin = second * 1_000;
        assert_eq!(see(&mut governor, (begin, begin + 900), waits(9_000)), []);
        assert_eq!(see(&mut governor, (begin + 900, begin + 1_000), waits(249)), []);
    }
}

#[test]
fn a_step_is_left_once_the_pressure_was_below_its_lower_bound_for_long_enough() {
    let falls: [(Pressure, &[(u64, OverloadStep)]); 7] = [
        (waits(1_000), &[]),
        (waits(999), &[(20_000, OptionalOff)]),
        (waits(250), &[(20_000, OptionalOff)]),
        (waits(50), &[(20_000, OptionalOff), (30_100, ShadowOff)]),
        (waits(0), &[(20_000, OptionalOff), (30_100, ShadowOff), (40_200, OverloadStep::None)]),
        (queued(40), &[]),
        (queued(29), &[(20_000, OptionalOff), (30_100, ShadowOff)]),
    ];
    for (pressure, expected) in falls {
        let mut governor = Governor::new(Some(settings()));
        assert_eq!(see(&mut governor, (0, 10_000), waits(60_000)).len(), 3);
        assert_eq!(see(&mut governor, (10_000, 100_000), pressure), expected, "{pressure:?}");
    }
}

#[test]
fn one_moment_above_the_lower_bound_keeps_the_step_for_another_span() {
    let mut governor = Governor::new(Some(settings()));
    see(&mut governor, (0, 1_100), waits(300));
    assert_eq!(see(&mut governor, (1_100, 11_000), waits(0)), []);
    assert_eq!(see(&mut governor, (11_000, 11_100), waits(50)), []);
    assert_eq!(see(&mut governor, (11_100, 30_000), waits(0)), [(21_100, OverloadStep::None)]);
}

#[test]
fn both_sides_must_ease_before_a_step_is_left() {
    let mut governor = Governor::new(Some(settings()));
    see(&mut governor, (0, 1_100), queued(50));
    let one_side = Pressure { wait: Span::ZERO, queue_percent: 20 };
    assert_eq!(see(&mut governor, (1_100, 60_000), one_side), []);
    assert_eq!(see(&mut governor, (60_000, 70_100), queued(19)), [(70_000, OverloadStep::None)]);
}

#[test]
fn without_settings_no_pressure_moves_it() {
    let mut governor = Governor::new(None);
    assert_eq!(see(&mut governor, (0, 60_000), waits(3_600_000)), []);
    assert_eq!(see(&mut governor, (60_000, 90_000), queued(100)), []);
    assert!(!governor.is_on());
}

#[test]
fn polling_stops_and_goes_on_at_the_step_before() {
    for settings in [None, Some(settings())] {
        let mut governor = Governor::new(settings);
        let before = if settings.is_some() {
            see(&mut governor, (0, 2_200), waits(2_000));
            OptionalOff
        } else {
            OverloadStep::None
        };
        let stopped = Moved { from: before, to: OverloadStep::StopPolling };
        assert_eq!(governor.stop_polling(), stopped);
        assert_eq!((governor.step(), governor.shed()), (OverloadStep::StopPolling, before));
        // Nothing is polled: neither does what is not seen ease, nor does age climb.
        assert_eq!(see(&mut governor, (2_200, 60_000), waits(0)), []);
        assert_eq!(see(&mut governor, (60_000, 90_000), waits(9_000)), []);
        let goes_on = Moved { from: OverloadStep::StopPolling, to: before };
        assert_eq!((governor.poll_again(), governor.step()), (goes_on, before));
        if settings.is_some() {
            let eased = see(&mut governor, (90_000, 101_000), waits(0));
            assert_eq!(eased, [(100_000, ShadowOff)]);
        }
    }
}

#[test]
fn the_tally_adds_up() {
    let mut tally = OverloadTally::default();
    tally.moved(Moved { from: OverloadStep::None, to: ShadowOff });
    tally.moved(Moved { from: ShadowOff, to: OverloadStep::None });
    tally.decided(StandIn);
    tally.spent(ShadowOff, 40);
    tally.felt(waits(9));
    tally.felt(queued(7));
    tally.step = OptionalOff;
    let mut twice = tally.clone();
    twice.merge(&tally);
    assert_eq!(twice.climbed().collect::<Vec<_>>(), [(ShadowOff, 2)]);
    assert_eq!(twice.decisions().collect::<Vec<_>>(), [(StandIn, 2)]);
    assert_eq!(twice.millis().collect::<Vec<_>>(), [(ShadowOff, 80)]);
    let highest = Pressure { wait: Span::from_millis(9), queue_percent: 7 };
    assert_eq!((twice.step, twice.highest), (OptionalOff, highest));
}

#[test]
fn steps_are_numbered_as_records_carry_them() {
    let numbers = OverloadStep::ALL.map(OverloadStep::number);
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

/// Waits that jump about the bounds, and how long each lasts.
fn swings() -> impl Strategy<Value = Vec<(u64, i64, u8)>> {
    let wait = prop_oneof![
        Just(0_i64),
        Just(49),
        Just(50),
        Just(249),
        Just(250),
        Just(251),
        Just(999),
        Just(1_001),
        Just(4_999),
        Just(5_001),
        Just(600_000)
    ];
    let queue = prop_oneof![Just(0_u8), Just(19), Just(41), Just(61), Just(81), Just(100)];
    prop::collection::vec((1_u64..4_000, wait, queue), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever the pressure does: a move is one step, upwards at least `rise_after` and
    /// downwards at least `fall_after` behind the move before, so that no bound makes it flap.
    #[test]
    fn it_moves_at_most_once_per_span(swings in swings()) {
        let settings = settings();
        let mut governor = Governor::new(Some(settings));
        let (mut now_millis, mut moved_at_millis) = (0, 0);
        for (after_millis, wait_millis, queue_percent) in swings {
            now_millis += after_millis;
            let pressure = Pressure { wait: Span::from_millis(wait_millis), queue_percent };
            let before = governor.step();
            let Some(moved) = governor.observe(now_millis * NANOS_PER_MILLI, pressure) else {
                prop_assert_eq!(governor.step(), before);
                continue;
            };
            prop_assert_eq!((moved.from, moved.to), (before, governor.step()));
            prop_assert_eq!(moved.to.number().abs_diff(moved.from.number()), 1);
            let (span, bounds) = if moved.to > moved.from {
                (settings.rise_after, moved.to.bounds(&settings))
            } else {
                (settings.fall_after, moved.from.bounds(&settings))
            };
            let rested = Duration::from_millis(now_millis - moved_at_millis);
            prop_assert!(rested >= span, "{:?} after {:?}", moved, rested);
            let bounds = bounds.expect("a step that has them");
            prop_assert_eq!(pressure.is_above(bounds), moved.to > moved.from);
            prop_assert_eq!(pressure.is_below(bounds), moved.to < moved.from);
            moved_at_millis = now_millis;
        }
    }

    /// Pressure that swings from one side of a single bound to the other, however fast,
    /// never brings a step and its undoing within one `fall_after`.
    #[test]
    fn a_swing_around_one_bound_does_not_make_it_flap(
        half_millis in 1_u64..3_000,
        bound in prop_oneof![Just(50_i64), Just(250), Just(1_000), Just(5_000)],
    ) {
        let mut governor = Governor::new(Some(settings()));
        let mut moves: Vec<(u64, Moved)> = Vec::new();
        for half in 0..400 {
            let wait_millis = if half % 2 == 0 { bound + 1 } else { bound - 1 };
            for at in [half * half_millis, (half + 1) * half_millis - 1] {
                moves.extend(governor.observe(at * NANOS_PER_MILLI, waits(wait_millis))
                    .map(|moved| (at, moved)));
            }
        }
        for pair in moves.windows(2) {
            let [(earlier, _), (later, moved)] = pair else { unreachable!("pairs") };
            let span_millis = if moved.to > moved.from { 1_000 } else { 10_000 };
            prop_assert!(later - earlier >= span_millis, "{moves:?}");
        }
        // Around the bound at which a step is climbed, nothing is ever below that of leaving.
        if bound > 250 {
            prop_assert!(moves.iter().all(|(_, moved)| moved.to > moved.from), "{moves:?}");
        }
    }
}
