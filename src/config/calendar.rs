//! `calendar.toml`: which days are business days, and where on earth.
//!
//! Dates and zones end here: the engine is told at which moments business days begin. Zones
//! are those of the IANA time zone database within the binary, not the machine's.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use crate::domain::EventTime;
use crate::engine::velocity::{BusinessCalendar, CALENDAR_DAYS_MAX};

use super::document::{Document, Fields, Node, Value};
use super::names::{read_choice, tables_of};
use super::problem::{Problem, Problems, Spot};

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

const DATES_FORM: &str = "a list of dates without quotes, such as [2026-10-01, 2026-10-02]";

/// One `[[year]]`, sound.
struct Year {
    number: i16,
    holidays: BTreeSet<Date>,
    /// Days of the weekend that are worked.
    workdays: BTreeSet<Date>,
}

/// Reads the calendar in `text`, which came from `path`.
pub(super) fn read_calendar(
    path: &Path,
    text: &str,
    problems: &mut Problems,
) -> Option<BusinessCalendar> {
    let document = Document::parse(path, text);
    let mut found = Problems::default();
    let calendar = read_document(&document, &mut found);
    found.append_syntax(document.syntax);
    let is_sound = found.errors_count() == 0;
    problems.append(found.sorted());
    calendar.filter(|_| is_sound)
}

fn read_document(document: &Document, problems: &mut Problems) -> Option<BusinessCalendar> {
    let is_whole = document.is_whole();
    let mut top = Fields::new(&document.table, "the calendar", &document.top, is_whole);
    let zone = read_zone(&mut top, problems);
    let weekend = read_weekend(&mut top, problems);
    let mut years: Vec<Year> = Vec::new();
    let mut is_sound = true;
    for (table, head) in tables_of(&mut top, "year", problems) {
        let mut fields = Fields::new(table, "[[year]]", &head, is_whole);
        let earlier = years.last().map(|year| year.number);
        match read_year(&mut fields, &head, earlier, weekend.as_deref(), problems) {
            Some(year) => years.push(year),
            None => is_sound = false,
        }
        fields.finish(problems);
    }
    if years.is_empty() && is_sound && is_whole {
        let problem = Problem::error(&document.top, "the calendar knows no year");
        problems.push(problem.expected("a [[year]] with its holidays and workdays"));
        is_sound = false;
    }
    top.finish(problems);
    let (zone, weekend) = (zone?, weekend?);
    if !is_sound {
        return None;
    }
    let made = make(&zone, &weekend, &years);
    if let Err(what) = &made {
        problems.push(Problem::error(&document.top, what));
    }
    made.ok()
}

fn read_zone(top: &mut Fields<'_>, problems: &mut Problems) -> Option<TimeZone> {
    const EXPECTED: &str = "the name of a time zone as IANA has it, such as \"Asia/Shanghai\": \
         days begin at midnight there";
    let node = top.require("time_zone", EXPECTED)?;
    let name = node.text(EXPECTED, problems)?;
    let found = TimeZone::get(&name).ok().filter(|zone| zone.iana_name().is_some());
    if found.is_none() {
        let known: Vec<String> = jiff::tz::db().available().map(|it| it.to_string()).collect();
        let problem = Problem::error(&node.spot, format!("`{name}` is no time zone"));
        let problem = problem.expected(EXPECTED);
        problems.push(problem.guess(&name, known.iter().map(String::as_str)));
    }
    found
}

fn read_weekend(top: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<Weekday>> {
    const EXPECTED: &str = "the days without business, such as [\"saturday\", \"sunday\"]; may \
         be empty";
    let node = top.require("weekend", EXPECTED)?;
    let Value::List(nodes) = &node.value else {
        problems.push(Problem::error(&node.spot, "this is no list").expected(EXPECTED));
        return None;
    };
    let days: Vec<_> = nodes.iter().map(|it| read_choice(it, &WEEKDAYS, problems)).collect();
    days.into_iter().collect()
}

fn read_year(
    fields: &mut Fields<'_>,
    head: &Spot,
    earlier: Option<i16>,
    weekend: Option<&[Weekday]>,
    problems: &mut Problems,
) -> Option<Year> {
    const YEAR: &str = "a year from 2000 to 2099";
    const SOURCE: &str = "where its dates come from: who published them, and when";
    let number = fields.require("year", YEAR).and_then(|node| {
        let written = node.integer(YEAR, problems)?;
        let found = i16::try_from(written).ok().filter(|it| (2000..=2099).contains(it));
        if found.is_none() {
            let problem = Problem::error(&node.spot, format!("the year {written} is out of range"));
            problems.push(problem.expected(YEAR));
        }
        let follows = found.zip(earlier).is_none_or(|(year, earlier)| year == earlier + 1);
        if !follows {
            let problem =
                Problem::error(&node.spot, "years are to follow each other without a gap");
            problems.push(problem.expected(format!("{}", earlier.unwrap_or_default() + 1)));
        }
        found.filter(|_| follows)
    });
    let source = fields.require("source", SOURCE).and_then(|node| node.text(SOURCE, problems));
    let purpose = "the days without business besides the weekend; may be empty";
    let holidays = fields.require("holidays", purpose);
    let holidays = holidays.and_then(|node| read_dates(node, number, problems));
    let purpose = "the days of the weekend that are worked; may be empty";
    let workdays = fields.require("workdays", purpose);
    let workdays = workdays.and_then(|node| read_dates(node, number, problems));
    let (holidays, workdays) = (holidays?, workdays?);
    check_workdays(&holidays, &workdays, weekend, problems)?;
    if holidays.is_empty() {
        let what = "this year has no holiday at all";
        problems.push(Problem::warning(head, what).help("were they not published yet?"));
    }
    let days = |dates: Vec<(Date, Spot)>| dates.into_iter().map(|(date, _)| date).collect();
    source.filter(|text| !text.is_empty())?;
    Some(Year { number: number?, holidays: days(holidays), workdays: days(workdays) })
}

fn read_dates(
    node: &Node,
    year: Option<i16>,
    problems: &mut Problems,
) -> Option<Vec<(Date, Spot)>> {
    let Value::List(nodes) = &node.value else {
        problems.push(Problem::error(&node.spot, "this is no list").expected(DATES_FORM));
        return None;
    };
    let mut dates: Vec<(Date, Spot)> = Vec::new();
    let mut is_sound = true;
    for node in nodes {
        let Some(date) = date_in(node) else {
            problems.push(Problem::error(&node.spot, "this is no date").expected(DATES_FORM));
            is_sound = false;
            continue;
        };
        if let Some(year) = year.filter(|year| *year != date.year()) {
            let problem = Problem::error(&node.spot, format!("{date} is not in {year}"));
            problems.push(problem.expected("dates of this [[year]]"));
            is_sound = false;
        }
        if dates.iter().any(|(earlier, _)| *earlier == date) {
            let problem = Problem::error(&node.spot, format!("{date} is there twice"));
            problems.push(problem.expected("each date once"));
            is_sound = false;
        }
        dates.push((date, node.spot.clone()));
    }
    is_sound.then_some(dates)
}

/// The date that `node` is: without a time and an offset.
fn date_in(node: &Node) -> Option<Date> {
    let Value::Time(text) = &node.value else { return None };
    let written: toml::value::Datetime = text.parse().ok()?;
    if written.time.is_some() || written.offset.is_some() {
        return None;
    }
    let date = written.date?;
    let [month, day] = [date.month, date.day].map(|it| i8::try_from(it).unwrap_or(0));
    Date::new(i16::try_from(date.year).ok()?, month, day).ok()
}

/// Refuses a worked day that is worked anyway, or that is a holiday.
fn check_workdays(
    holidays: &[(Date, Spot)],
    workdays: &[(Date, Spot)],
    weekend: Option<&[Weekday]>,
    problems: &mut Problems,
) -> Option<()> {
    let mut is_sound = true;
    for (date, spot) in workdays {
        let what = if holidays.iter().any(|(holiday, _)| holiday == date) {
            format!("{date} is a holiday, too")
        } else if weekend.is_some_and(|weekend| !weekend.contains(&date.weekday())) {
            format!("{date} is no day of the weekend: it is worked anyway")
        } else {
            continue;
        };
        problems.push(Problem::error(spot, what).expected("a day of `weekend` that is worked"));
        is_sound = false;
    }
    is_sound.then_some(())
}

/// The moments at which the business days of `years` begin.
fn make(zone: &TimeZone, weekend: &[Weekday], years: &[Year]) -> Result<BusinessCalendar, String> {
    let mut starts = Vec::new();
    for year in years {
        let mut date = Date::new(year.number, 1, 1).map_err(|fault| fault.to_string())?;
        while date.year() == year.number && starts.len() <= CALENDAR_DAYS_MAX {
            let is_worked = year.workdays.contains(&date)
                || (!weekend.contains(&date.weekday()) && !year.holidays.contains(&date));
            // A day may be left out in a zone that moves across the date line.
            if is_worked && let Some(start) = start_of(date, zone)? {
                starts.push(start);
            }
            date = date.tomorrow().map_err(|fault| fault.to_string())?;
        }
    }
    let last = years.last().map_or(0, |year| year.number);
    let end = Date::new(last + 1, 1, 1).map_err(|fault| fault.to_string())?;
    let ends_at = start_of(end, zone)?.unwrap_or(EventTime::LATEST);
    let name = zone.iana_name().unwrap_or_default();
    BusinessCalendar::new(starts, ends_at, name.into()).map_err(|fault| fault.to_string())
}

/// The first moment of `date` in `zone`, which need not be midnight where clocks change
/// then; `None` where the zone does not have that day.
pub(super) fn start_of(date: Date, zone: &TimeZone) -> Result<Option<EventTime>, String> {
    let start = date.to_zoned_datetime(zone.clone()).map_err(|fault| fault.to_string())?;
    if start.date() != date {
        return Ok(None);
    }
    Ok(Some(EventTime::nearest_to(start.timestamp().as_millisecond())))
}
