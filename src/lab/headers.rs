//! Headers that requests and answers are recognised by.

use crate::service::log::TailRecord;

/// What a request carries; the engine sends it back unchanged.
pub(super) const CORRELATION_HEADER: &str = "correlation-id";
/// The format of a value.
pub(super) const CONTENT_TYPE: &str = "content-type";
/// The input that a record answers, `PARTITION:OFFSET`.
pub(super) const INPUT_HEADER: &str = "stopline-input";
/// Who wrote a record.
pub(super) const WRITER_HEADER: &str = "stopline-writer";

/// The value of the record's first header called `name`.
pub(super) fn header<'r>(record: &'r TailRecord, name: &str) -> Option<&'r [u8]> {
    record.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_slice())
}

/// True where the record is in the partition of the input that it names.
pub(super) fn lies_with_its_input(record: &TailRecord) -> bool {
    header(record, INPUT_HEADER)
        .and_then(|input| std::str::from_utf8(input).ok())
        .and_then(|input| input.split_once(':'))
        .and_then(|(partition, _)| partition.parse::<i32>().ok())
        == Some(record.partition.0)
}
