//! Messages as the engine sees them.

use prost::Message as _;
use stopline::domain::Authorisation;
use stopline::wire::{Format, Incoming, KafkaKey, Scratch, proto};

use crate::support::door;

/// `message` through the door. What it borrows stays until the tests end.
pub(crate) fn request(message: &proto::Authorisation) -> Authorisation<'static> {
    let key = message.account_reference.clone().into_bytes().leak();
    let value = message.encode_to_vec().leak();
    let scratch: &'static mut Scratch = Box::leak(Box::default());
    match door().decode(Format::Protobuf, KafkaKey::Record(Some(key)), Some(value), scratch) {
        Ok(Incoming::Message { auth, .. }) => auth,
        Ok(Incoming::Echo { .. }) => panic!("an echo test"),
        Err(refused) => panic!("{refused:?}"),
    }
}
